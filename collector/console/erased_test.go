package console

import (
	"net/http"
	"strings"
	"testing"

	"safelight/collector/model"
)

// An alert of somebody who was erased still stands, and says in plain words what
// is not there any more, instead of pretending that nobody was known.
func TestG13AnErasedSubjectsAlertSaysSoAndShowsNothing(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	alert, err := h.store.AlertFor(t.Context(), school, h.user("dsl"), ref)
	must(t, err)
	events, err := h.store.EventsOf(t.Context(), school, ref)
	must(t, err)
	subject, err := h.store.Subject(t.Context(), school, alert.Subject)
	must(t, err)
	must(t, h.store.EraseSubject(t.Context(), school, alert.Subject, "The family asked for it", monday))
	b := h.signedIn("dsl")
	for _, page := range []string{"/", "/a/" + ref} {
		w := b.get(page)
		want(t, w, http.StatusOK, "Somebody whose record was erased, on ", ">Erased<")
		for _, gone := range []string{subject.Name, subject.Account, events[0].Name, "No account", "No one known", "Show name"} {
			if strings.Contains(w.Body.String(), gone) {
				t.Errorf("%s still says %q", page, gone)
			}
		}
	}
	want(t, b.get("/a/"+ref), http.StatusOK, "were erased on 23 November 2026: The family asked for it.", "something on the")
	for _, press := range []string{"/name", "/words"} { // from a page that was open before
		w := b.post("/a/"+ref+press, "from", "alert")
		want(t, w, http.StatusOK)
		if strings.Contains(w.Body.String(), subject.Account) || strings.Contains(w.Body.String(), events[0].Name) {
			t.Errorf("%s uncovers what was erased", press)
		}
	}
}

func (h *house) user(id string) model.User {
	h.t.Helper()
	u, err := h.store.UserByID(h.t.Context(), school, id)
	must(h.t, err)
	return u
}
