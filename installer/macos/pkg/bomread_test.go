package pkg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// listed is a path as a bill of materials has it.
type listed struct {
	kind      byte
	mode      uint16
	uid, gid  uint32
	time      uint32
	size, sum uint32
}

// readBill reads a bill of materials back, by the format and not by the code that
// wrote it: it follows every pointer, and refuses one that leads nowhere.
func readBill(b []byte) (map[string]listed, error) {
	be := binary.BigEndian
	if len(b) < 512 || !bytes.HasPrefix(b, []byte("BOMStore")) || be.Uint32(b[8:]) != 1 {
		return nil, errors.New("no head")
	}
	part := func(at, length uint32) ([]byte, error) {
		if uint64(at)+uint64(length) > uint64(len(b)) || at < 512 {
			return nil, fmt.Errorf("%d bytes at %d lie outside", length, at)
		}
		return b[at : at+length], nil
	}
	index, err := part(be.Uint32(b[16:]), be.Uint32(b[20:]))
	if err != nil {
		return nil, err
	}
	count := be.Uint32(index)
	if be.Uint32(b[12:])+1 != count || uint64(count)*8+8 > uint64(len(index)) {
		return nil, fmt.Errorf("the head counts %d blocks, the index %d with none", be.Uint32(b[12:]), count)
	}
	block := func(n uint32) ([]byte, error) {
		if n == 0 || n >= count {
			return nil, fmt.Errorf("block %d is not there", n)
		}
		return part(be.Uint32(index[4+8*n:]), be.Uint32(index[8+8*n:]))
	}
	names, err := part(be.Uint32(b[24:]), be.Uint32(b[28:]))
	if err != nil {
		return nil, err
	}
	named := map[string]uint32{}
	for n, rest := be.Uint32(names), names[4:]; n > 0; n-- {
		named[string(rest[5:5+rest[4]])] = be.Uint32(rest)
		rest = rest[5+rest[4]:]
	}
	tree := func(n uint32) (leaf []byte, paths uint32, err error) {
		t, err := block(n)
		if err != nil || len(t) != 21 || !bytes.HasPrefix(t, []byte("tree")) {
			return nil, 0, fmt.Errorf("block %d is no tree: %w", n, err)
		}
		leaf, err = block(be.Uint32(t[8:]))
		if err == nil && (len(leaf) != int(be.Uint32(t[12:])) || be.Uint16(leaf) != 1) {
			err = errors.New("the leaf is none, or is not as long as the tree says")
		}
		return leaf, be.Uint32(t[16:]), err
	}
	view, err := block(named["VIndex"])
	if err != nil || len(view) != 13 {
		return nil, fmt.Errorf("VIndex: %w", err)
	}
	for _, n := range []uint32{named["HLIndex"], named["Size64"], be.Uint32(view[4:])} {
		if _, paths, err := tree(n); err != nil || paths != 0 {
			return nil, fmt.Errorf("an empty tree: %d, %w", paths, err)
		}
	}
	leaf, paths, err := tree(named["Paths"])
	if err != nil || uint32(be.Uint16(leaf[2:])) != paths {
		return nil, fmt.Errorf("paths: %w", err)
	}
	info, err := block(named["BomInfo"])
	if err != nil || be.Uint32(info[4:]) != paths+1 {
		return nil, fmt.Errorf("BomInfo: %w", err)
	}
	return readPaths(leaf, int(paths), block)
}

func readPaths(leaf []byte, paths int, block func(uint32) ([]byte, error)) (map[string]listed, error) {
	be := binary.BigEndian
	type node struct {
		folder uint32
		name   string
		listed
	}
	nodes := map[uint32]node{}
	last := node{}
	for i := range paths {
		info, err := block(be.Uint32(leaf[12+8*i:]))
		if err != nil {
			return nil, err
		}
		file, err := block(be.Uint32(leaf[16+8*i:]))
		if err != nil || file[len(file)-1] != 0 {
			return nil, fmt.Errorf("a path without a name: %w", err)
		}
		of, err := block(be.Uint32(info[4:]))
		if err != nil || len(of) < 31 || len(of) != map[byte]int{1: 35, 2: 31}[of[0]] {
			return nil, fmt.Errorf("a path without particulars: %w", err)
		}
		n := node{be.Uint32(file), string(file[4 : len(file)-1]), listed{
			of[0], be.Uint16(of[4:]), be.Uint32(of[6:]), be.Uint32(of[10:]), be.Uint32(of[14:]), be.Uint32(of[18:]), be.Uint32(of[23:]),
		}}
		if n.folder < last.folder || n.folder == last.folder && i > 0 && n.name <= last.name {
			return nil, fmt.Errorf("%q stands behind %q: the leaf is not in order", n.name, last.name)
		}
		last = n
		nodes[be.Uint32(info)] = n
	}
	all := map[string]listed{}
	for _, n := range nodes {
		p := n.name
		for up, deep := n.folder, 0; up != 0; up = nodes[up].folder {
			if _, there := nodes[up]; !there || deep > 50 {
				return nil, fmt.Errorf("%s is in a folder that is not there", p)
			}
			p = nodes[up].name + "/" + p
			deep++
		}
		all[p] = n.listed
	}
	return all, nil
}
