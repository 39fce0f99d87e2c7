// Package audit is evenkeel's record: an append-only log whose history cannot be
// changed without it being noticed. Everything seen, decided, refused and done
// is an entry; the entries are the leaves of the Merkle tree of RFC 6962; and
// every commit carries a checkpoint, signed by the log, of the tree so far.
//
// [Open] opens a log for writing; [Log.Append] records. [OpenReader] reads a
// log or a copy of it, [Verify] checks one, [Reader.Prove] and [CheckProof] make
// and check the proof that one entry is in it.
//
// # Promises
//
//   - Durable: when Append returns nil, its entries are on disk and a signed
//     checkpoint covers them. A crash at any time loses no such entry.
//   - Whole: the entries of one call of Append are recorded in order, side by
//     side, all or none. An error of the disk records nothing; when a commit
//     fails so late that nobody can know, the log refuses to go on until it is
//     opened again.
//   - Ordered: numbers have no gaps. Times never go back: an entry has the
//     clock's time, or that of the entry before it if the clock went back.
//   - Concurrent: any number of goroutines may append. One goroutine writes; it
//     takes what waits, up to 1,024 entries, in one transaction, and never waits
//     for more. One process writes a log; any number may read it meanwhile,
//     without a lock.
//   - Bounded: an entry has at most 65,535 bytes, an append 1,024 entries, the
//     queue 1,024 appends; beyond that, Append blocks.
//   - Safe to read: damaged files make errors, never a panic. Reading does not
//     go through bbolt, which trusts its pages.
//
// # What it does not do
//
// A log cannot tell that it was put back, as a whole, to an older state of
// itself: someone else has to remember a checkpoint (see [Reader.Verify]). Who
// has the signing key can write another history, which the same checkpoint
// unmasks. It hides nothing: do not put secrets into entries. It does not delete.
//
// # Entries
//
// An entry is one JSON object with exactly these keys, in this order:
//
//	actor  string, who did it
//	body   object, what it was
//	corr   string, joins the entries of one story; may be empty
//	env    string, the environment
//	seq    integer, position in the log, from 0
//	time   string, RFC 3339 in UTC with three digits of milliseconds
//	type   string, lower-case words joined by dots
//	v      the integer 1
//
// It is written in the subset of RFC 8785 (JSON Canonicalization Scheme) that
// needs no arithmetic: no blanks; keys plain ASCII and increasing; numbers
// integers of less than 2^53 in size, measurements therefore decimal strings;
// in strings only the escapes \" \\ \b \f \n \r \t and lower-case \u00xx for
// other control characters, everything else as UTF-8; at most 32 levels.
// [Log.Append] refuses a body that does not marshal to that. Hashes cover the
// stored bytes, so the canonical form is for people and programs to rely on; the
// proofs do not depend on it.
//
// # Tree and checkpoint
//
// With SHA-256, the hash of a leaf is SHA-256(0x00 ‖ entry) and that of a node
// SHA-256(0x01 ‖ left ‖ right) (RFC 6962 section 2.1). A checkpoint is a C2SP
// tlog-checkpoint: a signed note (c2sp.org/signed-note) of three lines: the
// origin, the number of entries, and the root in base64. It has no extension
// lines. Its signature is Ed25519, by a key whose name is the origin.
//
// A proof is a C2SP tlog-proof (c2sp.org/tlog-proof@v1): the inclusion proof of
// RFC 6962 section 2.1.1 and the checkpoint. Its extra line holds the entry, so
// that nothing but the log's verifier key is needed to check it.
//
// # Example
//
// With the key of RFC 8032 section 7.1, test 1, whose verifier key is
//
//	evenkeel.example/fra1/audit+2deab853+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea
//
// and the two entries
//
//	{"actor":"engine","body":{},"corr":"","env":"fra1","seq":0,"time":"2026-11-22T05:51:46.000Z","type":"system.start","v":1}
//	{"actor":"operator:ana","body":{"reason":"drill"},"corr":"c1","env":"fra1","seq":1,"time":"2026-11-22T05:51:46.000Z","type":"stop","v":1}
//
// the checkpoint is (its last line begins with U+2014)
//
//	evenkeel.example/fra1/audit
//	2
//	nZLUJ4tzok7whKTLuucp8XWjBAeNpkpFrUR3kLnF1xw=
//
//	— evenkeel.example/fra1/audit Leq4U+xiggCvx1TuhQr+ntzLL/eu3ZEKdsz1nd8l0bOB5bvqqHru7Ycfs9XvWIcEKUzUf26FEzpruNyfjDIZetz67wQ=
//
// and the proof of entry 1, its second line cut short here, is
//
//	c2sp.org/tlog-proof@v1
//	extra eyJhY3RvciI6Im9wZXJhdG9yOmFuYSIsImJvZHkiOnsi…
//	index 1
//	6h0XKtVv0Nu+lWAMSrLBbS9AftXC6qRHurhTYrcmJcc=
//
// followed by an empty line and the checkpoint. Its only hash is that of entry 0.
//
// # Files
//
// A log is a directory:
//
//	audit-00000000.db  bbolt file; the next one begins after at most 2^20 entries
//	audit.key          the signing key, a note signer key, mode 0600; absent if
//	                   the key was given to Open
//	audit.pub          the verifier key, a note verifier key
//	audit.lock         locked by the process that writes
//
// Each file has three buckets; numbers in keys are big-endian:
//
//	e  sequence number (8 bytes) → entry, as written
//	h  n (8 bytes), level (1 byte) → tile, 8,192 bytes: 256 neighbouring hashes
//	   of tree level 8·level, the last of which the n-th entry completed
//	m  checkpoint → the newest signed checkpoint
//	   first → sequence number (8 bytes) of the file's first entry
//	   floor → time of the last entry, as in entries
//
// Keys are only ever added at the end of e and h, so that pages are filled
// completely, and a reader finds all but the last page of each level as they
// were. Only full tiles are stored; the rest of the tree is rebuilt at opening
// from at most 255 entries and 255 tiles a level. A commit writes entries, full
// tiles, checkpoint and floor in one transaction; a file is made, under another
// name, with the checkpoint of the log so far in it.
//
// An append, grouped, costs about 10 µs of CPU, and an entry of 512 bytes takes
// 670 bytes of disk; two syncs of the disk and one signature are shared by a commit.
package audit
