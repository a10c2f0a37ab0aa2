package console

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"safelight/collector/model"
)

// samples fill in what a pattern leaves open, with something that is there.
func (h *house) samples() map[string]string {
	return map[string]string{"{$}": "", "{ref}": h.urgent(), "{id}": "device-1", "{week}": "2026-W48", "{token}": "token"}
}

// TestG03EveryPageRefusesWhoseItIsNot walks every registered way in with each duty
// and with nobody: what is not theirs answers as what does not exist, byte for
// byte, and changes nothing.
func TestG03EveryPageRefusesWhoseItIsNot(t *testing.T) {
	h := newHouse(t)
	must(t, h.store.AddUser(t.Context(), model.User{School: school, ID: "teacher", Name: "Demo Teacher", Email: "teacher@larkmoor.example", Duty: model.DutyTeacher, Trial: true, Created: monday}))
	samples := h.samples()
	routes := h.console.routes()
	if len(routes) < 5 {
		t.Fatalf("only %d routes: does this test still see them?", len(routes))
	}
	for _, duty := range model.Duties {
		b := h.signedIn(string(duty))
		nowhere := b.get("/nowhere")
		for _, rt := range routes {
			method, path, _ := strings.Cut(rt.pattern, " ")
			for open, filled := range samples {
				path = strings.ReplaceAll(path, open, filled)
			}
			if strings.Contains(path, "{") {
				t.Fatalf("%s: samples says nothing for what it leaves open", rt.pattern)
			}
			w := b.do(method, path, strings.NewReader(""))
			if rt.theirs(duty) {
				if w.Code == http.StatusNotFound || w.Code >= http.StatusInternalServerError {
					t.Errorf("%s is refused %s: %d", duty, rt.pattern, w.Code)
				}
				continue
			}
			if w.Code != http.StatusNotFound || w.Body.String() != nowhere.Body.String() {
				t.Errorf("%s gets %s, which is not theirs: %d\n%s", duty, rt.pattern, w.Code, w.Body)
			}
		}
	}
	for _, rt := range routes {
		method, path, _ := strings.Cut(rt.pattern, " ")
		w := h.browser().do(method, strings.NewReplacer("{$}", "", "{ref}", "7KQ2M4XT", "{id}", "device-1", "{week}", "2026-W48").Replace(path), strings.NewReader(""))
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
			t.Errorf("nobody gets %s: %d to %q", rt.pattern, w.Code, to)
		}
	}
}

// TestG03ITAndSafeguardingShareNoPageButThoseOfBoth lists what may be shared, so
// that a new page is a decision and not a slip.
func TestG03ITAndSafeguardingShareNoPageButThoseOfBoth(t *testing.T) {
	h := newHouse(t)
	shared := []string{"GET /{$}"}
	for _, rt := range h.console.routes() {
		_, path, _ := strings.Cut(rt.pattern, " ")
		if rt.theirs(model.DutyIT) && rt.theirs(model.DutyDSL) && !slices.Contains(shared, rt.pattern) &&
			!strings.HasPrefix(path, "/coverage") && !strings.HasPrefix(path, "/checks") {
			t.Errorf("%s is open to IT and to safeguarding: is it meant?", rt.pattern)
		}
	}
}

// TestTheNavigationLeadsOnlyToPagesThatAreThereAndTheirs: an entry that answers
// "there is nothing here" teaches people not to trust the bar.
func TestTheNavigationLeadsOnlyToPagesThatAreThereAndTheirs(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"dsl", "deputy", "head", "it"} {
		b := h.signedIn(id)
		user, err := h.store.UserByID(t.Context(), school, id)
		must(t, err)
		page := b.get("/")
		if page.Code == http.StatusSeeOther {
			page = b.get(page.Header().Get("Location"))
		}
		for _, e := range h.console.navigationOf(user.Duty) {
			if w := b.get(e.Path); w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
				t.Errorf("%s: %s answers %d", id, e.Path, w.Code)
			}
			want(t, page, http.StatusOK, `<a href="`+e.Path+`"`)
		}
	}
}
