package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// bbolt maps its file and believes every page of it: a damaged or truncated
// file kills the process, and a reader waits for as long as a writer has the
// file open. The reader here copies pages with pread, checks every length
// before it is used, and takes no lock. It reads the format of bbolt 1.x:
//
//	page    id u64, flags u16, count u16, overflow u32, elements, data
//	meta    magic u32, version u32, page size u32, flags u32, root u64, sequence u64,
//	        freelist u64, high-water mark u64, transaction u64, checksum u64 (FNV-1a)
//	branch  element: position u32, key size u32, page u64
//	leaf    element: flags u32, position u32, key size u32, value size u32
//
// in the byte order of the machine. A position counts from its own element. A
// branch element has the first key of its page. A bucket is a leaf element with
// flag 1 whose value is root u64, sequence u64, and a whole page if root is 0.
//
// Source: go.etcd.io/bbolt v1.5.0, internal/common.
const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01
	pageHeader   = 16
	pageElement  = 16
	metaBytes    = 64
	bucketHeader = 16
	minPage      = 1 << 10
	maxPage      = 64 << 10 // the largest page of a machine
	maxRun       = 1 << 20  // a page with its overflow: two entries or three tiles, or a list of 131,000 free pages
)

// errFormat reports bytes that bbolt did not write.
var errFormat = errors.New("not a sound bbolt file")

// errCut reports a file that ends before its pages do.
var errCut = fmt.Errorf("%w: cut short", errFormat)

var order = binary.NativeEndian

// meta is the root of one committed transaction.
type meta struct {
	pageSize int
	root     uint64
	freelist uint64
	limit    uint64 // pages in use have smaller ids
	txid     uint64
	alone    bool // the other meta page is damaged: it may have been newer
}

func parseMeta(b []byte) (meta, bool) {
	sum := fnv.New64a()
	sum.Write(b[:metaBytes-8])
	m := meta{
		pageSize: int(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		limit:    order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}
	ok := order.Uint32(b) == boltMagic && order.Uint32(b[4:]) == boltVersion &&
		order.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= minPage && m.pageSize <= maxPage && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// page is a page with its overflow.
type page []byte

func (p page) id() uint64     { return order.Uint64(p) }
func (p page) flags() uint16  { return order.Uint16(p[8:]) }
func (p page) count() int     { return int(order.Uint16(p[10:])) }
func (p page) more() uint64   { return uint64(order.Uint32(p[12:])) }
func (p page) isBranch() bool { return p.flags() == branchPage }

// element is an entry of a branch or leaf page.
type element struct {
	key, value []byte
	child      uint64 // of a branch
	isBucket   bool   // of a leaf
}

// element returns element i of a page that passed check.
func (p page) element(i int) element {
	e, _, _ := p.parse(i)
	return e
}

// parse returns element i, and where its data end.
func (p page) parse(i int) (e element, end uint64, ok bool) {
	at := uint64(pageHeader + i*pageElement)
	h := p[at : at+pageElement]
	var pos, ksize, vsize uint64
	if p.isBranch() {
		pos, ksize = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:]))
		e.child = order.Uint64(h[8:])
	} else {
		pos, ksize, vsize = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
		e.isBucket = order.Uint32(h) == bucketFlag
		ok = e.isBucket || order.Uint32(h) == 0
	}
	lo := at + pos
	end = lo + ksize + vsize
	if end > uint64(len(p)) || !ok && !p.isBranch() {
		return element{}, 0, false
	}
	e.key, e.value = p[lo:lo+ksize:lo+ksize], p[lo+ksize:end:end]
	return e, end, true
}

// check refuses a page that is not one of a tree: whose elements reach beyond
// it, whose keys do not increase, or that has more overflow than its elements
// need, which a writer would one day give away with the page.
func (p page) check(pageSize int) error {
	bad := func(what string) error {
		return fmt.Errorf("%w: page %d: %s", errFormat, p.id(), what)
	}
	switch {
	case p.flags() != branchPage && p.flags() != leafPage:
		return bad(fmt.Sprintf("flags %#x, want a branch or a leaf", p.flags()))
	case pageHeader+p.count()*pageElement > len(p):
		return bad("too many elements")
	case p.isBranch() && p.count() == 0:
		return bad("a branch without children")
	}
	used := uint64(pageHeader)
	var last []byte
	for i := range p.count() {
		e, end, ok := p.parse(i)
		if !ok {
			return bad(fmt.Sprintf("element %d is malformed", i))
		}
		if i > 0 && bytes.Compare(e.key, last) <= 0 {
			return bad("keys do not increase")
		}
		last, used = e.key, max(used, end)
	}
	if size := uint64(pageSize); pageSize > 0 && (used+size-1)/size != p.more()+1 {
		return bad(fmt.Sprintf("%d bytes used in %d pages", used, p.more()+1))
	}
	return nil
}
