package pkg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"path"
	"slices"
)

// A bill of materials is a store of numbered blocks, big-endian throughout:
//
//	head     "BOMStore" version(4)=1 blocks(4) index at(4) index length(4)
//	         names at(4) names length(4), padded to 512 bytes
//	blocks   one after the other; block 0 is none
//	names    count(4), then each block(4) length(1) name: BomInfo, Paths, HLIndex,
//	         VIndex, Size64
//	index    count(4), then each at(4) length(4); free blocks: count(4), ...
//
// Paths is a tree with one leaf, which names each path by two blocks:
//
//	tree     "tree" version(4)=1 leaf(4) block size(4) paths(4) 0(1)
//	leaf     1(2) paths(2) next(4) previous(4), then each path's info and name
//	info     number of the path(4), block of its particulars(4)
//	name     number of the folder it is in(4), name, 0
//	particulars  kind(1) 1(1) what is told(2) mode(2) user(4) group(4) time(4)
//	         size(4) 1(1), of a file its checksum(4), 0(8)
//
// Paths stand in the leaf by the folder's number, then by name.
const (
	bomHead    = 512
	bomBlock   = 4096
	bomSmall   = 128 // VIndex's
	kindFile   = 1
	kindFolder = 2
	wholeEntry = 15 // and not the path alone; of programs it may say more

	// maxPaths is how many one leaf holds: (4096 - 12) / 8.
	maxPaths = 510
)

type bom struct{ blocks [][]byte }

func (b *bom) add(block []byte) uint32 {
	b.blocks = append(b.blocks, block)
	return uint32(len(b.blocks))
}

// tree adds a tree with the one leaf given.
func (b *bom) tree(leaf []byte, size, paths uint32) uint32 {
	if pad := int(size) - len(leaf); pad > 0 {
		leaf = append(leaf, make([]byte, pad)...)
	}
	child := b.add(leaf)
	return b.add(pack("tree", uint32(1), child, size, paths, byte(0)))
}

// pack writes numbers big-endian, and text as it is.
func pack(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			b.WriteString(s)
			continue
		}
		_ = binary.Write(&b, binary.BigEndian, v) // into memory, of fixed-size numbers
	}
	return b.Bytes()
}

// leafOf is a leaf of n entries.
func leafOf(n int) []byte { return pack(uint16(1), uint16(n), uint32(0), uint32(0)) }

// billOf writes the bill of materials of what check allows.
func billOf(all []File, mtime int64) []byte {
	b := &bom{}
	leaf, total := b.paths(all, mtime)
	names := []struct {
		name  string
		block uint32
	}{
		{"BomInfo", b.add(pack(uint32(1), uint32(len(all)+1), uint32(1), uint32(0), uint32(0), total, uint32(0)))},
		{"Paths", b.tree(leaf, bomBlock, uint32(len(all)))},
		{"HLIndex", b.tree(leafOf(0), bomBlock, 0)},
		{"VIndex", b.add(pack(uint32(1), b.tree(leafOf(0), bomSmall, 0), uint32(0), byte(0)))},
		{"Size64", b.tree(leafOf(0), bomBlock, 0)},
	}
	list := pack(uint32(len(names)))
	for _, n := range names {
		list = append(list, pack(n.block, byte(len(n.name)), n.name)...)
	}
	return b.store(list)
}

// paths adds a block or three for each path and returns the leaf that names
// them, and how many bytes all files have.
func (b *bom) paths(all []File, mtime int64) (leaf []byte, total uint32) {
	type entry struct {
		folder     uint32
		name       string
		info, file uint32
	}
	number := make(map[string]uint32, len(all))
	var entries []entry
	for i, f := range all {
		id := uint32(i + 1)
		number[f.Path] = id
		e := entry{name: "."}
		if f.Path != "." {
			e.folder, e.name = number[parent(f.Path)], path.Base(f.Path)
		}
		total += uint32(len(f.Data))
		e.info = b.add(pack(id, b.add(particulars(f, mtime))))
		e.file = b.add(pack(e.folder, e.name+"\x00"))
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(x, y entry) int { return cmp.Or(cmp.Compare(x.folder, y.folder), cmp.Compare(x.name, y.name)) })
	leaf = leafOf(len(entries))
	for _, e := range entries {
		leaf = append(leaf, pack(e.info, e.file)...)
	}
	return leaf, total
}

func particulars(f File, mtime int64) []byte {
	kind := byte(kindFile)
	if f.Dir {
		kind = kindFolder
	}
	b := pack(kind, byte(1), uint16(wholeEntry), uint16(f.mode()), uint32(0), f.GID, uint32(mtime), uint32(len(f.Data)), byte(1))
	if !f.Dir {
		b = append(b, pack(checksum(f.Data))...)
	}
	return append(b, make([]byte, 8)...)
}

// store lays the blocks out behind the head.
func (b *bom) store(names []byte) []byte {
	var body bytes.Buffer
	index := pack(uint32(len(b.blocks)+1), uint32(0), uint32(0))
	for _, block := range b.blocks {
		index = append(index, pack(uint32(bomHead+body.Len()), uint32(len(block)))...)
		body.Write(block)
	}
	index = append(index, pack(uint32(2), uint64(0), uint64(0))...) // two free ones, of nothing, as others write them
	namesAt := uint32(bomHead + body.Len())
	indexAt := namesAt + uint32(len(names))
	head := pack("BOMStore", uint32(1), uint32(len(b.blocks)), indexAt, uint32(len(index)), namesAt, uint32(len(names)))
	head = append(head, make([]byte, bomHead-len(head))...)
	return slices.Concat(head, body.Bytes(), names, index)
}

// checksum is that of POSIX cksum: a CRC over the bytes and their number.
func checksum(data []byte) uint32 {
	const polynomial = 0x04c11db7
	var crc uint32
	step := func(b byte) {
		crc ^= uint32(b) << 24
		for range 8 {
			carry := crc & 0x80000000
			crc <<= 1
			if carry != 0 {
				crc ^= polynomial
			}
		}
	}
	for _, b := range data {
		step(b)
	}
	for n := len(data); n > 0; n >>= 8 {
		step(byte(n))
	}
	return ^crc
}
