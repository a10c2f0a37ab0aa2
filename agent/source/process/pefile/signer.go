package pefile

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// ReadSigner reads whose name stands under the signature in the file: the common
// name of the certificate that signed, or its organisation. Whether the signature
// holds is not looked at. ErrNone says that there is none in the file; Windows
// keeps those of its own programs in catalogues beside them.
func ReadSigner(r io.ReaderAt) (string, error) {
	name, err := readSigner(r)
	if err != nil {
		return "", fmt.Errorf("reading the signer: %w", err)
	}
	return name, nil
}

func readSigner(r io.ReaderAt) (string, error) {
	im, err := open(r)
	if err != nil {
		return "", err
	}
	const head, signedData = 8, 2 // WIN_CERTIFICATE, WIN_CERT_TYPE_PKCS_SIGNED_DATA
	t := im.tables[tableSecurity] // the one table that is placed in the file, and not in what is loaded
	if t.at == 0 || t.size < head {
		return "", ErrNone
	}
	if t.size > maxSignature {
		return "", fmt.Errorf("the signature has %d bytes: %w", t.size, ErrNone)
	}
	b, err := read(r, int64(t.at), int(t.size))
	if err != nil {
		return "", err
	}
	length := binary.LittleEndian.Uint32(b)
	if length < head || length > uint32(len(b)) || binary.LittleEndian.Uint16(b[6:]) != signedData {
		return "", ErrNone
	}
	return signerOf(b[head:length])
}

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// What is read of a signature (RFC 2315, 9), and of the certificates in it (RFC
// 5280, 4.1). They are not read by crypto/x509, which refuses some that Windows
// takes.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	signed struct {
		Version      int
		Digests      asn1.RawValue
		Content      asn1.RawValue
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		CRLs         asn1.RawValue `asn1:"optional,tag:1"`
		Signers      []signerInfo  `asn1:"set"`
	}
	signerInfo struct {
		Version int
		By      issuerAndSerial
		Rest    asn1.RawValue
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial asn1.RawValue
	}
	certificate struct {
		TBS tbsCertificate
	}
	tbsCertificate struct {
		Version  int `asn1:"explicit,optional,default:0,tag:0"`
		Serial   asn1.RawValue
		Method   asn1.RawValue
		Issuer   asn1.RawValue
		Validity asn1.RawValue
		Subject  asn1.RawValue
	}
)

func signerOf(der []byte) (string, error) {
	var outer contentInfo
	if _, err := asn1.Unmarshal(der, &outer); err != nil || !outer.Type.Equal(oidSignedData) {
		return "", fmt.Errorf("the signature is no PKCS #7: %w", ErrNone)
	}
	var all signed
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &all); err != nil || len(all.Signers) == 0 {
		return "", fmt.Errorf("the signature names nobody: %w", ErrNone)
	}
	by := all.Signers[0].By
	for rest := all.Certificates.Bytes; len(rest) > 0; {
		var c certificate
		var err error
		if rest, err = asn1.Unmarshal(rest, &c); err != nil {
			return "", fmt.Errorf("a certificate cannot be read: %w", ErrNone)
		}
		if bytes.Equal(c.TBS.Serial.FullBytes, by.Serial.FullBytes) && bytes.Equal(c.TBS.Issuer.FullBytes, by.Issuer.FullBytes) {
			return subject(c.TBS.Subject.FullBytes)
		}
	}
	return "", fmt.Errorf("the signer's certificate is not there: %w", ErrNone)
}

func subject(der []byte) (string, error) {
	var names pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &names); err != nil {
		return "", fmt.Errorf("the signer's name cannot be read: %w", ErrNone)
	}
	var n pkix.Name
	n.FillFromRDNSequence(&names)
	for _, name := range append([]string{n.CommonName}, n.Organization...) {
		if name = clean(name); name != "" && utf8.ValidString(name) && len(name) <= maxText {
			return name, nil
		}
	}
	return "", ErrNone
}
