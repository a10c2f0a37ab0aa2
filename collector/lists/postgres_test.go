package lists

import (
	"errors"
	"path/filepath"
	"testing"

	"safelight/collector/seal"
	"safelight/collector/store"
	"safelight/internal/pgtest"
)

// TestTwoCollectorsOnPostgreSQLKeepOneList: what one of them fetched, the other
// looks names up in.
func TestTwoCollectorsOnPostgreSQLKeepOneList(t *testing.T) {
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	url, err := server.Create(t.Context(), "lists", "")
	must(t, err)
	keys := store.WithKeys(filepath.Join(t.TempDir(), seal.FileName))
	open := func(from string) *desk {
		s, err := store.Open(t.Context(), url, keys)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		return deskOn(t, s, domainsFrom("bets", from))
	}
	o := serve(t, versioned(numbered(0, 5000), `"one"`))
	one, two := open(o.URL), open(o.URL)
	one.pass(t.Context())
	two.pass(t.Context())
	if n := len(o.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if name, ok, err := two.Contains(t.Context(), "bets", 1, "www.site04321.example"); name != "site04321.example" || !ok || err != nil {
		t.Errorf("%q, %v, %v", name, ok, err)
	}
	if name, ok, err := two.Contains(t.Context(), "bets", 1, "innocent.example"); ok || err != nil {
		t.Errorf("%q, %v, %v", name, ok, err)
	}
	o.say(versioned(numbered(1, 5001), `"two"`))
	two.now = two.now.Add(defaultRefresh)
	two.pass(t.Context())
	changes := 0
	for _, err := range one.Changes(t.Context(), "bets", 1, 2) {
		must(t, err)
		changes++
	}
	if got := one.names(t, "bets", 2); changes != 2 || len(got) != 5000 {
		t.Errorf("%d changes, %d names", changes, len(got))
	}
	if one.Unlisted(t.Context(), seen("site00000.example", "gambling/list/bets")) || !one.Unlisted(t.Context(), seen("innocent.example", "gambling/list/bets")) {
		t.Error("the other collector judges otherwise")
	}
}
