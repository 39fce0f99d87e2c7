// Package knowledge holds what the rules are, and who may change them.
//
// # Packs
//
// A pack is a directory of rules, the limits within which they may act, and the
// tests that prove what they do.
//
//	pack.yaml     name, vocabulary, mode, verbs, tiers, certified, critical, derived, parameters, rings, limits
//	README.md     what the pack is for
//	rules/*.grl   one rule a file, named as the rule
//	tests/*.yaml  facts and what must come of them, one rule a file
//
// rings are named lists of groups, such as {ring1: [web-a, web-b], ring2: [db]}:
// the order in which a rollout brings the pack to them. Groups in none come last.
//
// [ReadPack] reads all of it once, into memory, within bounds; it follows no
// symbolic link and reads nothing else. The version of a pack is its digest,
// the h1 hash of golang.org/x/mod/sumdb/dirhash over exactly the bytes that
// were read: the bytes that are hashed are the bytes that are used. Anyone can
// recompute it:
//
//	sha256sum pack.yaml README.md rules/*.grl tests/*.yaml | LC_ALL=C sort -k2 | sha256sum | cut -c1-64 | xxd -r -p | base64
//
// YAML is read strictly: an unknown or repeated key, a number without its unit,
// a value outside its range, an anchor or a second document is an [Error] with
// file, line, column and the line itself; all of a pack's errors are reported at
// once. The package does not compile rules nor run tests: it knows neither the
// rule language nor facts.
//
// # Statements
//
// Every act of a person is a text, a [Statement], signed with the person's ssh
// key. The text is UTF-8 of at most 16 KiB, its lines end with a line feed, and
// each field of its kind stands on a line of its own, in a fixed order, with one
// way to write each value; nothing else may stand there, and no character that
// cannot be seen. Parsing a text and rendering it gives its bytes again, so
// there is no canonical form to disagree about. It is named by the SHA-256 of
// its bytes.
//
//	evenkeel approval v1
//	proposal sha256:6f8eb485c271cf83294640a262b63fc47164dad61bf49cb4d67197660b3c2dee
//	trust sha256:96ff8970fe7125e8c21e6c8bdef16c92909057242816b191babb5598eae5a6ff
//	env prod-eu1/5f0c7f1e9d2b4a6c8e10a1b2c3d4e5f6
//	seq 42
//	parent h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
//	bundle h1:HCN9qrFg7S+pDHi7yMXV5R955/vj31ODvKWI3aaPmvc=
//	person bob
//	name Bob Brandt
//	decision approve
//	meaning I read the rules and the replay report and approve them for this environment
//	time 2026-11-22T05:50:00Z
//
// The kinds, with the fields of each after those in brackets, which are trust,
// env, seq, parent and bundle, as in an approval:
//
//	proposal    [about] kind author contributors created not-before expires rollout rollback-window evidence ticket why nonce
//	approval    proposal [about] person name decision meaning time
//	withdrawal  proposal trust env person why time
//	stop        trust env scope person why time nonce
//	resume      stop trust env person name meaning time
//	rollback    proposal [about] person name why time
//	breakglass  proposal [about] person name life why time
//	review      trust person name meaning time
//	archive     trust env checkpoint first last person name why time
//
// # Signatures
//
// A signature is what "ssh-keygen -Y sign -n KIND@evenkeel.v1" writes, and
// "ssh-keygen -Y verify" judges: the SSHSIG format, version 1, hash sha512. The
// namespace keeps a signature over a commit, or over a statement of another
// kind, from counting. Keys are ssh-ed25519 and ecdsa-sha2-nistp256, and the
// same in a FIDO authenticator (sk-), which must have been touched; no RSA, no
// DSA, no certificate. [KeySource] signs with key files and ssh-agent.
//
// # People register
//
// The [Register] says who may sign as what, and what each environment asks of a
// change. Its first version is signed by every key in it; its digest is pinned
// by hand wherever it is relied on. Each later version names the one before and
// is signed by root people of both and by every key that is new: [ReadChain].
// No register can ask for fewer than two people.
//
// # The gate
//
// [Judge] answers from the register, the statements, the digest of the bundle,
// what is live and the time whether the bundle may go live. It is a pure
// function: the same papers give the same verdict anywhere, offline.
//
//	registers, err := knowledge.ReadSignedTexts(os.DirFS("registers"))
//	…
//	v := knowledge.Judge(knowledge.Question{Trust: pinned, Env: env, Registers: registers,
//		Statements: statements, Bundle: digest, Active: live, Seq: 41, Now: now})
//	if !v.Accepted {
//		return errors.New(strings.Join(v.Reasons, "; "))
//	}
//
// # The life of a change
//
// A [Ledger] folds the log of an environment. Papers come in by
// [Ledger.Accept], which returns the entry to record; [Ledger.Due] says what
// happens next without a human; both change nothing until their entries are
// applied. A controller is then this loop, woken by each paper and each second:
//
//	for err == nil {
//		step, due := l.Due(now()) // the clock of the log
//		if !due {
//			break
//		}
//		records, err = log.Append(ctx, step.Entry(groups))
//		if err == nil {
//			err = l.Apply(records[0])
//		}
//	}
//	// every group now runs l.Runs(group, candidate); an error is told, and what
//	// is due is asked again with the next second
//
//	proposed ─► approved ─► (scheduled) ─► shadow ─► ring … ─► live ─► superseded
//	   │                                     │                  │
//	   ▼                                     ▼                  ▼
//	rejected, withdrawn, expired, stale    halted: the parent  undone
//	                                       runs again
//
// The rules of it, where the papers leave them open:
//
//   - Order: a paper that speaks of a proposal comes after it, else it is refused
//     and may come again. Any other order, and any repetition, comes to the same.
//   - A change begins when the gate accepts it, nothing is being rolled out, no
//     break-glass runs and not everything is stopped. Of two that may, the one
//     proposed first does; the other is stale once that is live, or begins if
//     that is halted. Approvals after the beginning are refused.
//   - Every stage asks the gate again. What it no longer accepts is halted, and
//     the live bundle, which never stopped being the parent, runs alone again.
//     Halting are so: a rejection, a withdrawal, any stop given since the
//     beginning, the proposal's expiry (the last stage begins before it, or never
//     does; a rollout that cannot be over in time does not begin), the expiry of
//     the register, a rollback of the parent, a break-glass, and what
//     [Ledger.Halt] is told.
//   - A register that is replaced makes what has not begun stale. A rollout goes
//     on if the same papers still carry it under the new register and policy: if
//     somebody leaves whose approval it needs, it is halted.
//   - A register that has expired stops nothing that is live: its approvals hold
//     as of its activation. Nothing new begins; a rejection, withdrawal or stop
//     is taken in all the same, a resume is not.
//   - A freeze holds a rollout in its stage, and halts nothing. Only a rollback
//     passes it, and break-glass does not.
//   - A change that ended never begins again, whatever becomes of its papers.
//   - A rollback by one person goes to the immediate parent, in all groups at
//     once, and takes a sequence of its own; there is no way forward but another
//     proposal.
//   - A standby is a proposal of kind standby that was approved; it outlives what
//     was live then, until it is rejected or withdrawn or the register is
//     replaced. One approver may run it everywhere for at most an hour. Somebody
//     else signs a review within three days, or nothing more is done by rules.
//   - To end a stop takes as many approvers as to approve a change.
//   - A key that was stolen is declared by a review, see [CompromisedSince].
//
// The fold trusts an entry's time, and that no entry is missing: those are the
// log's promises, and a witness's.
//
// # The evidence
//
// A [Dossier] is what was found about a bundle: tests, coverage, planted
// mistakes, the backtest and from it the band within which each rule is expected
// to fire. A [Watch] holds a stage of a rollout to it.
//
// The package starts no goroutine, reads no clock and opens nothing but the files
// it is given. Its functions may be called concurrently; a Ledger or a Watch
// belongs to one caller at a time.
//
// Sources: OpenSSH, PROTOCOL.sshsig, sections 1 to 3; RFC 8709 and RFC 5656 for
// keys on the wire.
package knowledge
