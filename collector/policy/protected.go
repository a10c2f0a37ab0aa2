package policy

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// protectedPack is the folder of what no rule may flag. It is the product's, not
// a school's: whoever reaches the publisher, by whatever way, cannot publish
// without it or with another one (G5).
const protectedPack = "protected/"

func protectedFiles(files map[string][]byte) map[string][]byte {
	own := map[string][]byte{}
	for name, data := range files {
		if strings.HasPrefix(path.Clean(name), protectedPack) {
			own[name] = data
		}
	}
	return own
}

// unchanged refuses files whose protected pack is not, byte for byte, the one in
// the program.
func (p *Publisher) unchanged(files map[string][]byte) error {
	theirs := protectedFiles(files)
	for _, name := range sortedNames(p.protected) {
		data, ok := theirs[name]
		switch {
		case !ok:
			return fmt.Errorf("%s is missing: the protected pack goes into every version; leave the folder out and it is added by itself", name)
		case !bytes.Equal(data, p.protected[name]):
			return fmt.Errorf("%s differs from the one in this program: the protected pack is not a school's to change", name)
		}
		delete(theirs, name)
	}
	if extra := sortedNames(theirs); len(extra) > 0 {
		return fmt.Errorf("%s is not part of the protected pack in this program: put a school's own rules into a pack of another name", extra[0])
	}
	return nil
}
