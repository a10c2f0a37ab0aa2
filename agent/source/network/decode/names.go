package decode

import (
	"hash/maphash"

	"safelight/agent/source/hostname"
)

// nameSlots is how many names are remembered with their normal forms.
const nameSlots = 512

// nameCache keeps the normal forms of names met lately, so that a name that
// comes again costs no allocation. A slot is overwritten by the next name that
// hashes to it.
type nameCache struct {
	seed  maphash.Seed
	slots [nameSlots]struct{ raw, normal string }
}

// normal returns the one form in which a name is told; false for no host name.
func (c *nameCache) normal(raw []byte) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	s := &c.slots[maphash.Bytes(c.seed, raw)%nameSlots]
	if s.raw == string(raw) {
		return s.normal, true
	}
	name, ok := hostname.Normalise(raw)
	if !ok {
		return "", false
	}
	s.raw, s.normal = name, name
	if name != string(raw) {
		s.raw = string(raw)
	}
	return name, true
}

// ofHostPort is normal for "host", "host:port", "[v6]" and "[v6]:port".
func (c *nameCache) ofHostPort(raw []byte) (string, bool) {
	end := len(raw)
	for i := len(raw) - 1; i >= 0 && raw[i] != ']'; i-- {
		if raw[i] == ':' {
			end = i
			break
		}
	}
	return c.normal(raw[:end])
}
