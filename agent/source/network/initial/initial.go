// Package initial knows how the first packets of a QUIC connection are protected
// (RFC 9001, 5), of each version that can be read: the same keys open what a
// client of this device sent and seal what a check of it sends.
//
// It is pure: bytes in, bytes out. agent/source/network/decode opens with it and
// agent/selfcheck seals; nobody else should import it, for it is no QUIC.
package initial

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// The versions of QUIC whose first packets can be read: RFC 9000 and RFC 9369,
// and the drafts from 23 on, which some clients still speak.
const (
	V1       = 0x00000001
	V2       = 0x6b3343cf
	Draft    = 0xff000000 // and the draft's number
	Facebook = 0xfaceb000 // mvfst's own, 2 being draft 27
)

// Suite is what the keys of a version's Initials come from.
type Suite struct {
	salt        []byte
	key, iv, hp []byte // HKDF labels, as RFC 8446, 7.1 encodes them
	Renumbers   bool   // packet types are numbered as RFC 9369, 3.2 has it
}

var (
	suiteV1 = suite("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "quic ", false)
	suiteV2 = suite("0dede3def700a6db819381be6e269dcbf9bd2ed9", "quicv2 ", true)
	suite29 = suite("afbfec289993d24c9e9786f19c6111e04390a899", "quic ", false) // drafts 29 to 32
	suite23 = suite("c3eef712c72ebb5a11a7d2432bb46365bef9f502", "quic ", false) // drafts 23 to 28
)

var clientLabel = string(label("client in", sha256.Size))

func suite(salt, prefix string, v2 bool) *Suite {
	return &Suite{
		salt: unhex(salt), Renumbers: v2,
		key: label(prefix+"key", 16), iv: label(prefix+"iv", 12), hp: label(prefix+"hp", 16),
	}
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // never fails: they stand above
	return b
}

// label is an HkdfLabel without context.
func label(name string, size int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(size))
	b = append(b, byte(len("tls13 ")+len(name)))
	b = append(append(b, "tls13 "...), name...)
	return append(b, 0)
}

// SuiteOf returns nil for versions that are not known.
func SuiteOf(version uint32) *Suite {
	switch {
	case version == V1:
		return suiteV1
	case version == V2:
		return suiteV2
	case version&0x0f0f0f0f == 0x0a0a0a0a: // asks for negotiation; built as version 1 (RFC 9000, 15)
		return suiteV1
	case version == Facebook+2:
		return suite23
	case version&0xffffff00 == Draft:
		switch draft := version & 0xff; {
		case draft >= 33 && draft <= 34:
			return suiteV1
		case draft >= 29:
			return suite29
		case draft >= 23:
			return suite23
		}
	}
	return nil
}

// Keys protect the Initials of one client (RFC 9001, 5).
type Keys struct {
	aead cipher.AEAD
	hp   cipher.Block
	iv   [12]byte
}

// Derive makes the client's keys from the first destination connection id
// that it chose (RFC 9001, 5.2).
func (s *Suite) Derive(dcid []byte) *Keys {
	initial, err := hkdf.Extract(sha256.New, dcid, s.salt)
	if err != nil {
		return nil
	}
	secret, err := hkdf.Expand(sha256.New, initial, clientLabel, sha256.Size)
	if err != nil {
		return nil
	}
	mac := hmac.New(sha256.New, secret) // once, for HKDF-Expand would key it three times
	block, err := aes.NewCipher(expand(mac, s.key)[:16])
	if err != nil {
		return nil
	}
	k := &Keys{}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return nil
	}
	if k.hp, err = aes.NewCipher(expand(mac, s.hp)[:16]); err != nil {
		return nil
	}
	copy(k.iv[:], expand(mac, s.iv))
	return k
}

// expand is the first block of HKDF-Expand (RFC 5869, 2.3): no key is longer.
func expand(mac hash.Hash, label []byte) []byte {
	mac.Reset()
	mac.Write(label)
	mac.Write([]byte{1})
	return mac.Sum(nil)
}

// Open takes off an Initial's protection (RFC 9001, 5.4) and returns its
// frames, in buf where there is room. packet runs from the first byte to the
// end of the payload, and is not written to.
func (k *Keys) Open(buf, packet []byte, pnAt int) (frames, used []byte, ok bool) {
	const sample, tag = 16, 16
	if pnAt+4+sample > len(packet) {
		return nil, buf, false
	}
	var mask [sample]byte
	k.hp.Encrypt(mask[:], packet[pnAt+4:pnAt+4+sample])
	first := packet[0] ^ mask[0]&0x0f
	size := int(first&3) + 1
	if pnAt+size+tag > len(packet) {
		return nil, buf, false
	}
	header := append(buf[:0], packet[:pnAt+size]...)
	header[0] = first
	number := uint32(0)
	for i, m := range mask[1 : 1+size] {
		header[pnAt+i] ^= m
		number = number<<8 | uint32(header[pnAt+i])
	}
	nonce := k.iv
	binary.BigEndian.PutUint32(nonce[8:], binary.BigEndian.Uint32(nonce[8:])^number)
	used, err := k.aead.Open(header, nonce[:], packet[pnAt+size:], header)
	if err != nil {
		return nil, header, false
	}
	return used[len(header):], used, true
}

// Seal is Open the other way round, for a packet that a client sends: head runs
// from the first byte to the packet's number, which Seal writes in four bytes (so
// that the first byte's last two bits are set), and says a length of NumberSize,
// the frames and TagSize. There must be 16 bytes of frames.
func (k *Keys) Seal(head []byte, number uint32, frames []byte) []byte {
	at := len(head)
	b := append(make([]byte, 0, at+NumberSize+len(frames)+TagSize), head...)
	b = binary.BigEndian.AppendUint32(b, number)
	nonce := k.iv
	binary.BigEndian.PutUint32(nonce[8:], binary.BigEndian.Uint32(nonce[8:])^number)
	b = k.aead.Seal(b, nonce[:], frames, b)
	var mask [16]byte
	k.hp.Encrypt(mask[:], b[at+4:at+4+len(mask)])
	b[0] ^= mask[0] & 0x0f
	for i := range NumberSize {
		b[at+i] ^= mask[1+i]
	}
	return b
}

// What Seal adds to the frames: a number before, and a tag behind.
const (
	NumberSize = 4
	TagSize    = 16
)
