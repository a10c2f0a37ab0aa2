package pefile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// Version is what a file's version resource says.
type Version struct{ OriginalName, Product string }

// ReadVersion reads the version resource. ErrNone says that there is none.
func ReadVersion(r io.ReaderAt) (Version, error) {
	v, err := readVersion(r)
	if err != nil {
		return Version{}, fmt.Errorf("reading the version resource: %w", err)
	}
	return v, nil
}

func readVersion(r io.ReaderAt) (Version, error) {
	im, err := open(r)
	if err != nil {
		return Version{}, err
	}
	b, err := im.versionResource()
	if err != nil {
		return Version{}, err
	}
	root, _, ok := block(b)
	if !ok || root.key != "VS_VERSION_INFO" {
		return Version{}, ErrNone
	}
	var inEnglish, inFirst Version
	root.each(func(info node) {
		if info.key == "StringFileInfo" {
			info.each(func(language node) {
				keep(&inFirst, language)
				if len(language.key) == 8 && language.key[2:4] == "09" { // 0809: language and country
					keep(&inEnglish, language)
				}
			})
		}
	})
	return Version{cmp.Or(inEnglish.OriginalName, inFirst.OriginalName), cmp.Or(inEnglish.Product, inFirst.Product)}, nil
}

// keep takes what a language says, where none before said it.
func keep(to *Version, language node) {
	language.each(func(text node) {
		switch text.key {
		case "OriginalFilename":
			to.OriginalName = cmp.Or(to.OriginalName, text.text())
		case "ProductName":
			to.Product = cmp.Or(to.Product, text.text())
		}
	})
}

const (
	typeVersion = 16
	isFolder    = 1 << 31
	maxEntries  = 4096
)

// versionResource follows the tree of resources: by type, by name, by language.
// English is preferred, since rules are written in it, then what is for every
// language, then the first.
func (im *image) versionResource() ([]byte, error) {
	t := im.tables[tableResources]
	if t.at == 0 || t.size == 0 {
		return nil, ErrNone
	}
	names, err := im.entry(t.at, 0, func(id uint32) bool { return id == typeVersion })
	if err != nil || names&isFolder == 0 {
		return nil, ErrNone
	}
	first := func(uint32) bool { return true }
	languages, err := im.entry(t.at, names&^isFolder, first)
	if err != nil || languages&isFolder == 0 {
		return nil, ErrNone
	}
	var leaf uint32
	for _, wanted := range []func(id uint32) bool{english, func(id uint32) bool { return id == 0 }, first} {
		if leaf, err = im.entry(t.at, languages&^isFolder, wanted); err == nil {
			break
		}
	}
	if err != nil || leaf&isFolder != 0 || leaf > ^uint32(0)-t.at {
		return nil, ErrNone
	}
	data, err := im.loaded(t.at+leaf, 16)
	if err != nil {
		return nil, ErrNone
	}
	size := binary.LittleEndian.Uint32(data[4:])
	if size > maxResource {
		return nil, ErrNone
	}
	return im.loaded(binary.LittleEndian.Uint32(data), int(size))
}

// english says whether a language is English, of whatever country.
func english(id uint32) bool { return id&0x3ff == 9 }

// entry finds the first entry of a folder that is wanted, and gives where it
// leads. Folders lie at from the beginning of the resources.
func (im *image) entry(base, at uint32, wanted func(id uint32) bool) (uint32, error) {
	if at > ^uint32(0)-base-16 {
		return 0, ErrNone
	}
	head, err := im.loaded(base+at, 16)
	if err != nil {
		return 0, err
	}
	n := int(binary.LittleEndian.Uint16(head[12:])) + int(binary.LittleEndian.Uint16(head[14:]))
	if n > maxEntries {
		return 0, ErrNone
	}
	b, err := im.loaded(base+at+16, 8*n)
	if err != nil {
		return 0, err
	}
	for ; len(b) >= 8; b = b[8:] {
		if wanted(binary.LittleEndian.Uint32(b)) {
			return binary.LittleEndian.Uint32(b[4:]), nil
		}
	}
	return 0, ErrNone
}

// node is a block of a version resource: a length, a value's length, whether that
// is text, a key, the value, and blocks within. Key, value and blocks begin at
// multiples of four bytes.
//
//	| length | value length | text | key, in UTF-16, ended by a zero | value | blocks ... |
type node struct {
	key   string
	value []byte
	rest  []byte // the blocks within
}

// block reads the block with which b begins, and gives what follows it.
func block(b []byte) (n node, next []byte, ok bool) {
	const head = 6
	if len(b) < head {
		return n, nil, false
	}
	length, size, isText := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint16(b[4:]) == 1
	if length < head || length > len(b) {
		return n, nil, false
	}
	next = b[min(aligned(length), len(b)):]
	b = b[:length]
	end := head
	for end+1 < len(b) && (b[end] != 0 || b[end+1] != 0) {
		end += 2
	}
	n.key = utf16Text(b[head:min(end, len(b))])
	if isText {
		size *= 2 // it is counted in letters
	}
	from := min(aligned(end+2), len(b))
	to := min(from+size, len(b))
	n.value, n.rest = b[from:to], b[min(aligned(to), len(b)):]
	return n, next, true
}

func aligned(n int) int { return (n + 3) &^ 3 }

// each hands over the blocks within.
func (n node) each(do func(node)) {
	for b := n.rest; len(b) > 0; {
		one, next, ok := block(b)
		if !ok {
			return
		}
		do(one)
		b = next
	}
}

// maxText bounds a name, in letters.
const maxText = 255

func (n node) text() string { return utf16Text(n.value) }

// utf16Text reads text up to its zero, without what a screen would not show.
func utf16Text(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && len(units) < maxText; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return clean(string(utf16.Decode(units)))
}

func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}
