package pefile

import (
	"bytes"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAProgramUnderAnotherNameStillSaysItsOwn(t *testing.T) {
	info := versionInfo(text("CompanyName", "Example Ltd"), text("OriginalFilename", "browser.exe"), text("ProductName", "Example Browser™ "), text("Odd", ""))
	for _, wideAddresses := range []bool{false, true} {
		got, err := ReadVersion(bytes.NewReader(program(wideAddresses, info, nil)))
		if want := (Version{"browser.exe", "Example Browser™"}); err != nil || got != want {
			t.Errorf("64 bits %v: got %+v, %v; want %+v", wideAddresses, got, err, want)
		}
	}
}

func TestEnglishCountsAndElseTheFirstLanguageThatSaysSomething(t *testing.T) {
	french, german := folder("040c04b0", nil, text("OriginalFilename", "")), folder("040704b0", nil, text("OriginalFilename", "deutsch.exe"))
	for want, languages := range map[string][][]byte{
		"deutsch.exe": {french, german},
		"english.exe": {french, german, folder("080904b0", nil, text("OriginalFilename", "english.exe"))},
	} {
		info := folder("VS_VERSION_INFO", make([]byte, 52), folder("StringFileInfo", nil, languages...))
		if got, err := ReadVersion(bytes.NewReader(program(true, info, nil))); err != nil || got.OriginalName != want {
			t.Errorf("got %+v, %v; want %s", got, err, want)
		}
	}
}

func TestWhatSaysNothingIsAnErrorAndNoName(t *testing.T) {
	for what, b := range map[string][]byte{
		"nothing": nil, "a text": []byte("MZ is how this text begins, and that is all there is to it; it goes on for a while."),
		"a script": []byte("#!/bin/sh\n" + strings.Repeat("echo\n", 40)),
	} {
		if v, err := ReadVersion(bytes.NewReader(b)); !errors.Is(err, ErrNotPE) || v != (Version{}) {
			t.Errorf("%s: got %+v, %v", what, v, err)
		}
		if s, err := ReadSigner(bytes.NewReader(b)); !errors.Is(err, ErrNotPE) || s != "" {
			t.Errorf("%s: got %q, %v", what, s, err)
		}
	}
	bare := bytes.NewReader(program(true, nil, nil))
	if _, err := ReadVersion(bare); !errors.Is(err, ErrNone) {
		t.Errorf("without resources: got %v", err)
	}
	if _, err := ReadSigner(bare); !errors.Is(err, ErrNone) {
		t.Errorf("without a signature: got %v", err)
	}
}

func TestTheSignerIsWhoSignedAndNotWhoStandsBeside(t *testing.T) {
	root := pkix.Name{CommonName: "Example Root", Organization: []string{"Example Trust"}}
	for want, name := range map[string]pkix.Name{
		"Example Software Ltd": {CommonName: "Example Software Ltd", Organization: []string{"Another"}},
		"Only an Organisation": {Organization: []string{"Only an Organisation"}, Country: []string{"GB"}},
	} {
		got, err := ReadSigner(bytes.NewReader(program(true, nil, signature(t, root, name))))
		if err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestASignatureInPiecesIsRefused(t *testing.T) {
	whole := signature(t, pkix.Name{CommonName: "Example Software Ltd"})
	for n := range len(whole) {
		if got, err := ReadSigner(bytes.NewReader(program(false, nil, whole[:n]))); err == nil {
			t.Fatalf("%d of %d bytes: got %q", n, len(whole), got)
		}
	}
}

func TestAFileThatIsCutIsReadNoFurther(t *testing.T) {
	whole := program(true, versionInfo(text("OriginalFilename", "browser.exe")), signature(t, pkix.Name{CommonName: "Example"}))
	if got, err := ReadSigner(bytes.NewReader(whole)); err != nil || got != "Example" {
		t.Fatalf("the whole: got %q, %v", got, err)
	}
	for n := 0; n < len(whole); n += 7 {
		_, _ = ReadVersion(bytes.NewReader(whole[:n]))
		if got, err := ReadSigner(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("%d of %d bytes: signed by %q", n, len(whole), got)
		}
	}
}

func FuzzFile(f *testing.F) {
	info := versionInfo(text("OriginalFilename", "browser.exe"), text("ProductName", "Example"))
	f.Add(program(true, info, nil))
	f.Add(program(false, info, []byte{0x30, 0x03, 2, 1, 7}))
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ReadVersion(bytes.NewReader(b))
		if err != nil && v != (Version{}) {
			t.Errorf("an error, and %+v", v)
		}
		s, _ := ReadSigner(bytes.NewReader(b))
		for _, text := range []string{v.OriginalName, v.Product, s} {
			if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxText || strings.ContainsAny(text, "\x00\n") {
				t.Errorf("read %q", text)
			}
		}
	})
}

func FuzzSignature(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 2, 1, 7})
	f.Fuzz(func(t *testing.T, der []byte) {
		if s, err := signerOf(der); err == nil && (s == "" || !utf8.ValidString(s)) {
			t.Errorf("read %q", s)
		}
	})
}
