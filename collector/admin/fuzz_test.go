package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest hands the verbs of the admin socket whatever bytes: a request is
// done or refused, and never a fault.
func FuzzRequest(f *testing.F) {
	h := newHouse(f).withLists("https://lists.example/a")
	verbs := []string{"token/create", "token/list", "token/end", "device/list", "device/revoke", "device/import", "device/expect", "coverage", "user/add", "user/list", "user/disable", "roster/import", "rules/history", "events", "alerts", "lists", "lists/accept"}
	for i := range verbs {
		f.Add(i, []byte(`{}`))
	}
	f.Add(8, []byte(`{"name":"Demo","email":"demo@school.example","duty":"dsl"}`))
	f.Add(11, []byte(`{"name":"pupils.csv","data":"YSxiLHB1cGlsLDk="}`))
	f.Add(0, []byte(`{"uses":-1}{`))
	f.Fuzz(func(t *testing.T, verb int, body []byte) {
		if verb < 0 {
			verb = -(verb + 1)
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/"+verbs[verb%len(verbs)], strings.NewReader(string(body)))
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s answered %d %s", r.URL.Path, w.Code, w.Body)
		}
	})
}
