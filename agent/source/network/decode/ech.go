package decode

import "golang.org/x/crypto/cryptobyte"

// maxPublic bounds the public names that are learned.
const maxPublic = 256

// knownPublic are the names behind which large operators of ECH hide others. A
// browser that asks its DNS in secret gives no chance to learn them.
var knownPublic = map[string]bool{
	"cloudflare-ech.com": true,
	"public.tls-ech.dev": true,
	"cover.defo.ie":      true,
}

// publicNames knows the public names of ECH configurations. That a ClientHello
// carries ECH says nothing, for browsers send it for show (RFC 9849, 6.2); that
// it carries ECH and names itself by a name that DNS offers as a cover does.
type publicNames struct {
	learned map[string]struct{}
}

func (l *publicNames) has(name string) bool {
	if knownPublic[name] {
		return true
	}
	_, ok := l.learned[name]
	return ok
}

func (l *publicNames) learn(name string) {
	if l.learned == nil || len(l.learned) >= maxPublic {
		l.learned = make(map[string]struct{})
	}
	l.learned[name] = struct{}{}
}

const (
	svcParamIPv4 = 4
	svcParamECH  = 5
	svcParamIPv6 = 6
	echVersion   = 0xfe0d
)

// svcParams calls each for every parameter of an HTTPS or SVCB record (RFC
// 9460, 2.2) after its priority and target.
func svcParams(b []byte, each func(key uint16, value []byte)) {
	s := cryptobyte.String(b)
	for !s.Empty() {
		var key uint16
		var value cryptobyte.String
		if !s.ReadUint16(&key) || !s.ReadUint16LengthPrefixed(&value) {
			return
		}
		each(key, value)
	}
}

// publicNamesOf calls each with the public name of every configuration of an
// ECHConfigList (RFC 9849, 4).
func publicNamesOf(list []byte, each func([]byte)) {
	s := cryptobyte.String(list)
	var configs cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&configs) {
		return
	}
	for !configs.Empty() {
		var version uint16
		var c, key, suites, name cryptobyte.String
		if !configs.ReadUint16(&version) || !configs.ReadUint16LengthPrefixed(&c) {
			return
		}
		// config_id, kem_id, public_key, cipher_suites, maximum_name_length, public_name
		if version == echVersion && c.Skip(1+2) && c.ReadUint16LengthPrefixed(&key) &&
			c.ReadUint16LengthPrefixed(&suites) && c.Skip(1) && c.ReadUint8LengthPrefixed(&name) {
			each(name)
		}
	}
}
