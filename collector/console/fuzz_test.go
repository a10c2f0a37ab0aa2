package console

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzForms posts whatever bytes to every form of the console, signed in and
// not, from our own pages and from elsewhere: nothing is a fault, and nobody is
// let in.
func FuzzForms(f *testing.F) {
	h := newHouse(f)
	ref := h.urgent()
	paths := []string{"/sign-in", "/sign-out", "/welcome/secret", "/a/" + ref + "/take", "/a/" + ref + "/name", "/a/" + ref + "/words", "/cover", "/", "/enrol", "/coverage/expect", "/devices/device-1/revoke"}
	signedIn, it := h.signedIn("dsl"), h.signedIn("it")
	for i := range paths {
		f.Add(i, "email=dsl%40school.example&password=x", true)
	}
	f.Add(2, "password=a+long+pass+phrase+here&again=%00", false)
	f.Add(0, "%zz=&&;=\xff", true)
	f.Add(8+11, "site=main&uses=30&life=7", true)
	f.Add(9, "kind=guest&site=&count=99999999999999999999&in_log=1", true)
	f.Fuzz(func(t *testing.T, which int, body string, inside bool) {
		path := paths[max(which, -(which+1))%len(paths)]
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			b := h.browser()
			if inside {
				b.cookie = signedIn.cookie // it may have signed out; then it stands outside
				if which%2 == 1 {
					b.cookie = it.cookie
				}
			}
			w := b.do(method, path, strings.NewReader(body))
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("%s %s answered %d", method, path, w.Code)
			}
			if !inside && b.cookie != nil {
				t.Errorf("%s %s with %q signed somebody in", method, path, body)
			}
		}
	})
}
