package console

import (
	"net/http"
	"strings"
	"testing"
)

func TestG19WhoWroteSignedAndAskedIsOnRecord(t *testing.T) {
	h := newHouse(t)
	it := h.signedIn("it")
	for path, form := range map[string][]string{
		"/checks/" + thisWeek + "/record": {"kind", "action", "what", "LIB-003", "done", "Found"},
		"/checks/request":                 nil,
		"/devices/device-1/check":         nil,
	} {
		if w := it.post(path, form...); w.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", path, w.Code, w.Body)
		}
	}
	if w := it.post("/checks/" + thisWeek + "/sign"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	rows, err := h.store.DB().QueryContext(t.Context(), `SELECT what, actor, via, ref FROM audit_outbox WHERE what LIKE 'check.%'`)
	must(t, err)
	defer rows.Close()
	seen := map[string]int{}
	for rows.Next() {
		var what, actor, via, ref string
		must(t, rows.Scan(&what, &actor, &via, &ref))
		if !strings.HasSuffix(actor, "it") || via == "" || ref == "" {
			t.Errorf("%s by %q from %q about %q", what, actor, via, ref)
		}
		seen[what]++
	}
	must(t, rows.Err())
	if seen["check.record"] != 1 || seen["check.request"] != 2 || seen["check.sign"] != 1 {
		t.Errorf("on record stand %v", seen)
	}
}
