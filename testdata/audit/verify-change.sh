#!/bin/sh
# Verify a change end to end, from what 'evenkeel rules export CHANGE DIR' wrote,
# without evenkeel: with a shell, ssh-keygen, sha256sum, sort and openssl.
#
#   verify-change.sh DIR TRUST
#
# TRUST is the digest of version 1 of the people register, sha256:…, as it was
# pinned. It prints what it found and exits 0 when it all holds, 1 when not.
set -u
LC_ALL=C
export LC_ALL

die() {
	printf 'refused: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 2 ] || { printf 'usage: %s DIR TRUST\n' "$0" >&2; exit 2; }
cd "$1" || exit 2
trust=$2
allowed=${TMPDIR:-/tmp}/evenkeel-allowed.$$
trap 'rm -f "$allowed"' EXIT
trap 'exit 1' HUP INT TERM

# digest FILE: sha256: and the hexadecimal digits.
digest() {
	sum=$(sha256sum <"$1") || die "$1 cannot be read"
	printf 'sha256:%s' "${sum%% *}"
}

# field FILE NAME: what follows the name on its line, which is there once.
field() {
	value= count=0
	while IFS= read -r line; do
		case $line in
		"$2 "*) value=${line#"$2 "} count=$((count + 1)) ;;
		esac
	done <"$1"
	[ $count -eq 1 ] || die "$1 has $count lines $2, want one"
	printf '%s' "$value"
}

# enrol REGISTER: writes the keys of a register for ssh-keygen, and sets people,
# and authors, approvers and roots to those who hold the role.
enrol() {
	people= authors= approvers= roots=
	: >"$allowed" || die "cannot write $allowed"
	while read -r word id rest; do
		case $word in
		person)
			people="$people $id"
			case ",${rest%% *}," in *,author,*) authors="$authors $id" ;; esac
			case ",${rest%% *}," in *,approver,*) approvers="$approvers $id" ;; esac
			case ",${rest%% *}," in *,root,*) roots="$roots $id" ;; esac
			;;
		key) printf '%s %s\n' "$id" "$rest" >>"$allowed" ;;
		esac
	done <"$1"
}

# signed TEXT PERSON KIND: whether one of the signatures beside the text is the
# person's.
signed() {
	for sig in "$1".*sig; do
		[ -f "$sig" ] || continue
		if ssh-keygen -Y verify -f "$allowed" -I "$2" -n "$3@evenkeel.v1" -s "$sig" <"$1" >/dev/null 2>&1; then
			return 0
		fi
	done
	return 1
}

# lines REGISTER ID: all that a register says of a person.
lines() {
	while IFS= read -r line; do
		case $line in
		"person $2 "* | "key $2 "*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

has() { case " $1 " in *" $2 "*) return 0 ;; esac; return 1; }

# The people register: from the pinned version on, each signed by enough root
# people of the version before whom it leaves as they are, and of its own.
version=0 before= before_roots= before_threshold=0
for register in registers/*.txt; do
	version=$((version + 1))
	[ "$(field "$register" version)" = "$version" ] || die "$register is not version $version"
	if [ $version -eq 1 ]; then
		[ "$(digest "$register")" = "$trust" ] || die "$register is not the register that is pinned"
	else
		[ "$(field "$register" previous)" = "$(digest "$before")" ] || die "$register does not follow $before"
	fi
	enrol "$register"
	threshold=$(field "$register" root-threshold) || exit 1
	own=0 old=0
	for id in $people; do
		signed "$register" "$id" register || {
			[ $version -gt 1 ] || die "$id has not signed $register"
			continue
		}
		has "$roots" "$id" && own=$((own + 1))
		[ $version -gt 1 ] && has "$before_roots" "$id" && [ "$(lines "$register" "$id")" = "$(lines "$before" "$id")" ] && old=$((old + 1))
	done
	[ $own -ge "$threshold" ] || die "$register is signed by $own of its root people, want $threshold"
	[ $old -ge "$before_threshold" ] || die "$register is signed by $old root people of $before, want $before_threshold"
	before=$register before_roots=$roots before_threshold=$threshold
done
[ $version -gt 0 ] || die "there is no people register"
printf 'register  %s, version %d, from %s\n' "$(digest "$before")" $version "$trust"

# The proposal: signed by its author, under this register.
proposal=
for text in statements/*.txt; do
	IFS= read -r first <"$text"
	[ "$first" = 'evenkeel proposal v1' ] || continue
	[ -z "$proposal" ] || die "there are two proposals: $proposal and $text"
	proposal=$text
done
[ -n "$proposal" ] || die "there is no proposal"
[ "$(field "$proposal" trust)" = "$(digest "$before")" ] || die "the proposal names another register"
author=$(field "$proposal" author) || exit 1
contributors=$(field "$proposal" contributors) || exit 1
has "$authors" "$author" || die "$author is no author"
signed "$proposal" "$author" proposal || die "the proposal is not signed by its author, $author"
printf 'proposal  %s by %s: %s\n' "$(digest "$proposal")" "$author" "$(field "$proposal" why)"

# The bundle: the very files that were proposed.
found=$(cd bundle && for file in * */*; do
	[ -f "$file" ] && sha256sum "$file"
done | sort -k 2 | openssl dgst -sha256 -binary | openssl base64 -A)
[ "h1:$found" = "$(field "$proposal" bundle)" ] || die "the files in bundle have the digest h1:$found, the proposal is for $(field "$proposal" bundle)"
printf 'bundle    h1:%s\n' "$found"
if [ -f evidence/dossier.json ]; then
	[ "$(digest evidence/dossier.json)" = "$(field "$proposal" evidence)" ] || die "the dossier is not the one that the proposal names"
	printf 'evidence  %s\n' "$(digest evidence/dossier.json)"
fi

# The approvals: of this proposal, each signed by another person who may.
environment=$(field "$proposal" env) || exit 1
needed=
while IFS= read -r line; do
	case $line in
	"env $environment approvals="*)
		needed=${line#*approvals=}
		needed=${needed%% *}
		policy=$line
		;;
	esac
done <"$before"
[ -n "$needed" ] || die "the register has no environment $environment"
yes=
for text in statements/*.txt; do
	IFS= read -r first <"$text"
	[ "$first" = 'evenkeel approval v1' ] || continue
	[ "$(field "$text" proposal)" = "$(digest "$proposal")" ] || continue
	person=$(field "$text" person) || exit 1
	has "$approvers" "$person" && signed "$text" "$person" approval || continue
	[ "$(field "$text" decision)" = approve ] || die "$person rejected it: $(field "$text" meaning)"
	for name in trust env seq parent bundle; do
		[ "$(field "$text" $name)" = "$(field "$proposal" $name)" ] || die "the approval by $person says another $name"
	done
	case ",$contributors," in *",$person,"*) continue ;; esac
	case $policy in
	*' author-counts=yes '*) ;;
	*) [ "$person" != "$author" ] || continue ;;
	esac
	has "$yes" "$person" || yes="$yes $person"
done
count=0
for person in $yes; do
	count=$((count + 1))
	printf 'approved  by %s\n' "$person"
done
[ $count -ge "$needed" ] || die "$count of $needed approvals"
printf 'holds     %d of %d approvals\n' $count "$needed"
