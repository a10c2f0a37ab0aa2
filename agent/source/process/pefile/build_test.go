package pefile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"
	"time"
	"unicode/utf16"
)

var le = binary.LittleEndian

func wide(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return append(b, 0, 0)
}

func pad(b []byte) []byte { return append(b, make([]byte, aligned(len(b))-len(b))...) }

// text, in a version resource, is a block that holds text; folder one that holds
// blocks.
func text(key, value string) []byte {
	return build(key, 1, wide(value), len(wide(value))/2)
}

func folder(key string, value []byte, within ...[]byte) []byte {
	var all []byte
	for _, one := range within {
		all = pad(append(all, one...))
	}
	b := build(key, 0, value, len(value))
	b = append(pad(b), all...)
	le.PutUint16(b, uint16(len(b)))
	return b
}

func build(key string, kind uint16, value []byte, size int) []byte {
	b := le.AppendUint16(le.AppendUint16([]byte{0, 0}, uint16(size)), kind)
	b = append(pad(append(b, wide(key)...)), value...)
	le.PutUint16(b, uint16(len(b)))
	return b
}

func versionInfo(strings ...[]byte) []byte {
	return folder("VS_VERSION_INFO", make([]byte, 52),
		folder("StringFileInfo", nil, folder("080904b0", nil, strings...)),
		folder("VarFileInfo", nil, build("Translation", 0, []byte{9, 8, 0xb0, 4}, 4)))
}

// program is a file of a program with one section that holds its resources, and
// a signature at its end.
func program(wideAddresses bool, version, signature []byte) []byte {
	const peAt, rva, rawAt = 0x80, 0x1000, 0x400
	optional := 96 + 16*8
	magic := uint16(0x10b)
	if wideAddresses {
		optional, magic = 112+16*8, 0x20b
	}
	b := make([]byte, rawAt)
	copy(b, "MZ")
	le.PutUint32(b[60:], peAt)
	copy(b[peAt:], "PE\x00\x00")
	le.PutUint16(b[peAt+6:], 1)
	le.PutUint16(b[peAt+20:], uint16(optional))
	head := b[peAt+24:]
	le.PutUint16(head, magic)
	tables := head[optional-16*8:]
	le.PutUint32(head[optional-16*8-4:], 16)
	section := head[optional:]
	copy(section, ".rsrc")
	var resources []byte
	if version != nil {
		resources = tree(rva, version)
		le.PutUint32(tables[8*tableResources:], rva)
		le.PutUint32(tables[8*tableResources+4:], uint32(len(resources)))
	}
	le.PutUint32(section[8:], uint32(len(resources)))
	le.PutUint32(section[12:], rva)
	le.PutUint32(section[16:], uint32(len(resources)))
	le.PutUint32(section[20:], rawAt)
	var signed []byte
	if signature != nil {
		le.PutUint32(tables[8*tableSecurity:], uint32(rawAt+len(resources)))
		le.PutUint32(tables[8*tableSecurity+4:], uint32(8+len(signature)))
		signed = le.AppendUint32(nil, uint32(8+len(signature)))
		signed = append(le.AppendUint16(le.AppendUint16(signed, 0x200), 2), signature...)
	}
	return slices.Concat(b, resources, signed)
}

// tree is a tree of resources with an icon's type before the version's.
func tree(rva uint32, version []byte) []byte {
	dir := func(entries ...uint32) []byte {
		b := make([]byte, 16)
		le.PutUint16(b[14:], uint16(len(entries)/2))
		for _, e := range entries {
			b = le.AppendUint32(b, e)
		}
		return b
	}
	const names, languages, leaf = 32, 56, 80
	b := dir(3, isFolder|names, typeVersion, isFolder|names)
	b = append(b, dir(1, isFolder|languages)...)
	b = append(b, dir(2057, leaf)...)
	b = le.AppendUint32(b, rva+leaf+16)
	b = le.AppendUint32(b, uint32(len(version)))
	b = append(b, make([]byte, 8)...)
	return append(b, version...)
}

// signature is PKCS #7 under which the last of the names stands; those before it
// are only beside it. Their certificates have one number, and beside them lies
// another of the last one's issuer.
func signature(t *testing.T, names ...pkix.Name) []byte {
	t.Helper()
	var all []byte
	var signer *x509.Certificate
	last := names[len(names)-1]
	type wanted struct {
		name, issuer pkix.Name
		serial       int64
	}
	certificates := []wanted{{pkix.Name{CommonName: "Of the same issuer"}, last, 8}}
	for _, name := range names {
		certificates = append(certificates, wanted{name, name, 7})
	}
	for _, one := range certificates {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(one.serial), Subject: one.name, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, &x509.Certificate{Subject: one.issuer}, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if signer, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		all = append(all, der...)
	}
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	type issuer struct {
		Name   asn1.RawValue
		Serial *big.Int
	}
	type info struct {
		Version int
		By      issuer
		Digest  pkix.AlgorithmIdentifier
	}
	sha := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}
	inner := marshal(struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Content      struct{ Type asn1.ObjectIdentifier }
		Certificates asn1.RawValue
		Signers      []info `asn1:"set"`
	}{
		1,
		[]pkix.AlgorithmIdentifier{sha},
		struct{ Type asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 4}},
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: all},
		[]info{{1, issuer{asn1.RawValue{FullBytes: signer.RawIssuer}, signer.SerialNumber}, sha}},
	})
	return marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}})
}
