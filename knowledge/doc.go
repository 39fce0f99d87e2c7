// Package knowledge reads packs: a directory of rules, the limits within which
// they may act, and the tests that prove what they do.
//
//	pack.yaml     name, vocabulary, mode, verbs, tiers, certified, limits
//	README.md     what the pack is for
//	rules/*.grl   one rule a file, named as the rule
//	tests/*.yaml  facts and what must come of them, one rule a file
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
// once.
//
// The package does not compile rules nor run tests: it knows neither the rule
// language nor facts. It keeps no state, starts no goroutine, and its functions
// may be called concurrently.
//
//	p, err := knowledge.ReadPack(os.DirFS("testdata/packs/web"))
//	if err != nil {
//		return err
//	}
//	fmt.Println(p.Name, p.Digest, p.Limits.Cooldown)
package knowledge
