package pki_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"safelight/internal/pki"
)

func token() pki.Token {
	return pki.Token{
		Addresses: []string{"192.0.2.7:7443"}, Fingerprint: strings.Repeat("ab", 32),
		ServerName: "collector.test", Secret: pki.NewSecret(), Expires: noon.Add(time.Hour).Unix(),
	}
}

func encode(t testing.TB, tok pki.Token) string {
	t.Helper()
	line, err := tok.Encode()
	must(t, err)
	return line
}

func TestATokenSurvivesBeingCarried(t *testing.T) {
	want := token()
	got, err := pki.ParseToken("  " + encode(t, want) + "\r\n")
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !got.ExpiresAt().Equal(noon.Add(time.Hour)) {
		t.Errorf("it expires %s", got.ExpiresAt())
	}
}

func TestATokenThatWasCutIsRefusedWhereverItWasCut(t *testing.T) {
	line := encode(t, token())
	for n := range len(line) {
		_, err := pki.ParseToken(line[:n])
		wantError(t, err, "reading token", "safelight-collector token create")
	}
}

func TestForeignAndDamagedTokensSayWhatToDo(t *testing.T) {
	raw := func(s string) string { return "SL1." + base64.RawURLEncoding.EncodeToString([]byte(s)) }
	noSecret, noName, short := token(), token(), token()
	noSecret.Secret, noName.ServerName, short.Fingerprint = "", "", "abcd"
	for _, c := range []struct{ name, token, says string }{
		{"another program's", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", `begin with "SL1."`},
		{"a later form", "SL2" + strings.TrimPrefix(encode(t, token()), "SL1"), `begin with "SL1."`},
		{"not base 64", encode(t, token()) + "!", "damaged"},
		{"no JSON", raw("hello"), "damaged"},
		{"another document", raw(`{"a":"not a list"}`), "damaged"},
		{"an empty document", raw(`{}`), "lacks"},
		{"without a secret", encode(t, noSecret), "lacks"},
		{"without a name", encode(t, noName), "lacks"},
		{"with half a fingerprint", encode(t, short), "lacks"},
	} {
		_, err := pki.ParseToken(c.token)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "safelight-collector token create") {
			t.Errorf("%s: got %v, want it to say %q", c.name, err, c.says)
		}
	}
}

func TestATokenErrorDoesNotRepeatTheSecret(t *testing.T) {
	tok := token()
	tok.ServerName = ""
	_, err := pki.ParseToken(encode(t, tok))
	if strings.Contains(err.Error(), tok.Secret) {
		t.Error("the error prints the secret")
	}
}

func TestSecretsAreLongAndNeverTheSame(t *testing.T) {
	a, b := pki.NewSecret(), pki.NewSecret()
	if a == b || len(a) < 43 {
		t.Errorf("secrets %q and %q", a, b)
	}
	if bytes.Equal(pki.HashSecret(a), pki.HashSecret(b)) {
		t.Error("two secrets have one hash")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(encode(f, token()))
	f.Add("SL1.")
	f.Add("SL1.e30")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := pki.ParseToken(s)
		if err != nil {
			if !strings.Contains(err.Error(), "safelight-collector token create") {
				t.Errorf("error %q says no mend", err)
			}
			return
		}
		again, err := pki.ParseToken(encode(t, tok))
		if err != nil || again.Secret != tok.Secret || again.Fingerprint != tok.Fingerprint {
			t.Errorf("%+v became %+v, %v", tok, again, err)
		}
	})
}

func TestASignatureHoldsInItsOwnContextOnly(t *testing.T) {
	key, err := pki.NewPolicyKey()
	must(t, err)
	pub := key.Public().(ed25519.PublicKey)
	data := []byte("manifest")
	sig, err := pki.Sign(key, pki.PolicyContext, data)
	must(t, err)
	if !pki.Verify(pub, pki.PolicyContext, data, sig) {
		t.Fatal("the signature does not hold")
	}
	other, err := pki.NewPolicyKey()
	must(t, err)
	for name, holds := range map[string]bool{
		"another context": pki.Verify(pub, "safelight overlay v1\n", data, sig),
		"no context":      pki.Verify(pub, "", append([]byte(pki.PolicyContext), data...), sig),
		"half a context":  pki.Verify(pub, pki.PolicyContext[:9], append([]byte(pki.PolicyContext[9:]), data...), sig),
		"other data":      pki.Verify(pub, pki.PolicyContext, []byte("manifesT"), sig),
		"another key":     pki.Verify(other.Public().(ed25519.PublicKey), pki.PolicyContext, data, sig),
		"half a key":      pki.Verify(pub[:16], pki.PolicyContext, data, sig),
		"no key":          pki.Verify(nil, pki.PolicyContext, data, sig),
		"half of it":      pki.Verify(pub, pki.PolicyContext, data, sig[:32]),
		"nothing":         pki.Verify(pub, pki.PolicyContext, data, nil),
	} {
		if holds {
			t.Errorf("%s: the signature holds", name)
		}
	}
}

// Context and data are joined without a length, so a context must be one line.
func TestNothingIsSignedUnderAContextThatCouldBeDrawnOut(t *testing.T) {
	key, err := pki.NewPolicyKey()
	must(t, err)
	for _, context := range []string{"", "\n", "no end of line", "two\nlines\n", pki.PolicyContext + "more"} {
		_, err := pki.Sign(key, context, []byte("x"))
		wantError(t, err, "signing: context")
	}
}

func TestACertificatesKeySignsNoPolicy(t *testing.T) {
	_, err := pki.Sign(newKey(t), pki.PolicyContext, []byte("x"))
	wantError(t, err, "want an Ed25519 key")
}
