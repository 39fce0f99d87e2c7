package audit_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// The worked example of the package comment. Key: RFC 8032 section 7.1, test 1.
func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		log.Fatal(err)
	}
	l, err := audit.Open(dir, audit.Options{
		Origin: "evenkeel.example/fra1/audit",
		Env:    "fra1",
		Key:    ed25519.NewKeyFromSeed(seed), // leave it out: the log makes its own
		Now:    func() time.Time { return time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC) },
	})
	if err != nil {
		log.Fatal(err)
	}
	records, err := l.Append(context.Background(),
		audit.Entry{Type: "system.start", Actor: "engine"},
		audit.Entry{Type: "stop", Actor: "operator:ana", Corr: "c1", Body: map[string]string{"reason": "drill"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range records {
		fmt.Printf("%s\n", r.Bytes)
	}
	proof, err := l.Prove(1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", proof)
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "audit.pub"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", key)
	report, err := audit.Verify(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Entries, report.Root, report.Key)
	// Output:
	// {"actor":"engine","body":{},"corr":"","env":"fra1","seq":0,"time":"2026-11-22T05:51:46.000Z","type":"system.start","v":1}
	// {"actor":"operator:ana","body":{"reason":"drill"},"corr":"c1","env":"fra1","seq":1,"time":"2026-11-22T05:51:46.000Z","type":"stop","v":1}
	// c2sp.org/tlog-proof@v1
	// extra eyJhY3RvciI6Im9wZXJhdG9yOmFuYSIsImJvZHkiOnsicmVhc29uIjoiZHJpbGwifSwiY29yciI6ImMxIiwiZW52IjoiZnJhMSIsInNlcSI6MSwidGltZSI6IjIwMjYtMTEtMjJUMDU6NTE6NDYuMDAwWiIsInR5cGUiOiJzdG9wIiwidiI6MX0=
	// index 1
	// 6h0XKtVv0Nu+lWAMSrLBbS9AftXC6qRHurhTYrcmJcc=
	//
	// evenkeel.example/fra1/audit
	// 2
	// nZLUJ4tzok7whKTLuucp8XWjBAeNpkpFrUR3kLnF1xw=
	//
	// — evenkeel.example/fra1/audit Leq4U+xiggCvx1TuhQr+ntzLL/eu3ZEKdsz1nd8l0bOB5bvqqHru7Ycfs9XvWIcEKUzUf26FEzpruNyfjDIZetz67wQ=
	// evenkeel.example/fra1/audit+2deab853+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea
	// 2 nZLUJ4tzok7whKTLuucp8XWjBAeNpkpFrUR3kLnF1xw= 2deab853
}
