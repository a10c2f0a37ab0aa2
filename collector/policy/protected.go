package policy

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// protectedPack is the folder of what no rule may flag (G5), lockedPack that of
// what nobody may switch off (G16, D12). They are the product's, not a school's:
// whoever reaches the publisher, by whatever way, cannot publish without them or
// with others.
const (
	protectedPack = "protected/"
	lockedPack    = "locked/"
)

func protectedFiles(files map[string][]byte) map[string][]byte {
	own := map[string][]byte{}
	for name, data := range files {
		if clean := path.Clean(name); strings.HasPrefix(clean, protectedPack) || strings.HasPrefix(clean, lockedPack) {
			own[name] = data
		}
	}
	return own
}

// packOf is the folder that a file lies in.
func packOf(name string) string {
	pack, _, _ := strings.Cut(path.Clean(name), "/")
	return pack
}

// unchanged refuses files whose protected and locked packs are not, byte for byte,
// those in the program.
func (p *Publisher) unchanged(files map[string][]byte) error {
	theirs := protectedFiles(files)
	for _, name := range sortedNames(p.protected) {
		data, ok := theirs[name]
		switch {
		case !ok:
			return fmt.Errorf("%s is missing: the %s pack goes into every version; leave the folder out and it is added by itself", name, packOf(name))
		case !bytes.Equal(data, p.protected[name]):
			return fmt.Errorf("%s differs from the one in this program: the %s pack is not a school's to change", name, packOf(name))
		}
		delete(theirs, name)
	}
	if extra := sortedNames(theirs); len(extra) > 0 {
		return fmt.Errorf("%s is not part of the %s pack in this program: put a school's own rules into a pack of another name", extra[0], packOf(extra[0]))
	}
	return nil
}
