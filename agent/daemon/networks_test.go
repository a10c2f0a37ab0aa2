package daemon

import (
	"crypto/ed25519"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/agent/pipeline"
	"safelight/agent/policy"
	"safelight/agent/selfcheck"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// sitesOf are the overlays of a device whose school has one site.
func sitesOf(t *testing.T, from time.Time, site *safelightv1.Site) *policy.Overlays {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := pki.NewPolicyKey()
	must(err)
	id, err := pki.KeyID(key.Public())
	must(err)
	overlays, err := policy.OpenOverlays(t.TempDir(), "hill-lane", func() []*safelightv1.PolicyKey {
		return []*safelightv1.PolicyKey{{KeyId: id, Ed25519Public: key.Public().(ed25519.PublicKey)}}
	}, slog.New(slog.DiscardHandler))
	must(err)
	body := &safelightv1.OverlayBody{
		School: "hill-lane", Name: "sites", Serial: 1, KeyId: id, Issued: timestamppb.New(from), Expires: timestamppb.New(from.AddDate(0, 1, 0)),
		What: &safelightv1.OverlayBody_Sites{Sites: &safelightv1.Sites{Sites: []*safelightv1.Site{site}}},
	}
	raw, err := proto.Marshal(body)
	must(err)
	sig, err := pki.Sign(key, pki.OverlayContext, raw)
	must(err)
	must(overlays.Apply(&safelightv1.Overlay{Name: body.GetName(), Serial: 1, Expires: body.GetExpires(), Body: raw, KeyId: id, Signature: sig}, from, policy.Moment{Wall: from, Boot: "one"}))
	return overlays
}

// A laptop goes home each evening, where addresses may be those of the school: a
// fact of that network must neither be kept nor told.
func TestG11ANewNetworkOfTheSchoolIsMetWhereThingsAreJudgedAndAHomeIsNone(t *testing.T) {
	began := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	networks, err := selfcheck.OpenNetworks(filepath.Join(t.TempDir(), "networks.json"))
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{
		log: slog.New(slog.DiscardHandler), networks: networks,
		overlays: sitesOf(t, began, &safelightv1.Site{Name: "Main", Networks: []string{"192.168.0.0/16"}, ResolverSuffixes: []string{"school.example"}}),
	}
	now, at, domain := began, "", ""
	s := newSurroundings(a.overlays, a.metNetwork)
	s.now = func() time.Time { return now }
	s.look = func() policy.Network {
		link := netip.MustParsePrefix(at)
		return policy.Network{Addrs: []netip.Addr{link.Addr()}, Links: []netip.Prefix{link}, Suffixes: []string{domain}}
	}
	for _, step := range []struct {
		days       int
		at, domain string
		want       []string
	}{
		{0, "192.168.4.20/24", "school.example", nil},
		{1, "192.168.5.20/24", "school.example", nil}, // it gets to know the school
		{15, "192.168.7.20/24", "home.arpa", nil},
		{16, "192.168.4.99/24", "school.example", nil},
		{17, "192.168.6.20/24", "wifi.school.example", []string{"Main"}},
	} {
		now, at, domain = began.AddDate(0, 0, step.days), step.at, step.domain
		s.at(pipeline.Person{}, pipeline.Moment{Wall: now, Boot: "one"})
		if got := networks.Fresh(); !slices.Equal(got, step.want) {
			t.Errorf("on day %d in %s of %s: %q, want %q", step.days, step.at, step.domain, got, step.want)
		}
	}
}
