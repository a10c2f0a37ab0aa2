package policy_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// FuzzManifest signs whatever bytes as a manifest, with the school's own key,
// and as a signed manifest whole: what is not in order leaves the policy as it
// was.
func FuzzManifest(f *testing.F) {
	d := newDevice(f)
	must(f, d.apply(d.signer.version(1, "one.test")))
	good := d.signer.version(2, "two.test")
	whole, err := proto.Marshal(good)
	must(f, err)
	f.Add(good.GetManifest())
	f.Add(whole)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		sig, err := pki.Sign(d.signer.key, pki.PolicyContext, raw)
		must(t, err)
		_ = d.Apply(t.Context(), &safelightv1.SignedManifest{Manifest: raw, KeyId: d.signer.id, Signature: sig}, d.signer.fetch)
		var signed safelightv1.SignedManifest
		if proto.Unmarshal(raw, &signed) == nil {
			_ = d.Apply(t.Context(), &signed, d.signer.fetch)
		}
		if a := d.Active(); a == nil || a.Serial < 1 {
			t.Fatal("no policy is in force any more")
		}
	})
}

// FuzzBlob has the school's own collector sign for whatever file of rules: what
// does not compile leaves the policy as it was, and what does comes into force.
func FuzzBlob(f *testing.F) {
	d := newDevice(f)
	must(f, d.apply(d.signer.version(1, "one.test")))
	for name, data := range pack("two.test") {
		f.Add(name, data)
	}
	f.Add("starter/test.yaml", []byte("category: ["))
	serial := uint64(1)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		name = strings.ToValidUTF8(name, "?") // a manifest can name no other
		d.signer.t = t
		files := pack("two.test")
		files[name] = data
		before := d.Active()
		serial++
		m := d.signer.manifest(serial, files)
		err := d.Apply(t.Context(), d.signer.sign(m), d.signer.fetch)
		if now := d.Active(); now == nil || (err == nil) != (now.Serial == serial) || err != nil && *now != *before {
			t.Fatalf("error %v, and serial %d is in force", err, now.Serial)
		}
	})
}
