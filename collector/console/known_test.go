package console

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (b *browser) tries(pass string) int {
	return b.post("/sign-in", "email", "dsl@larkmoor.example", "password", pass).Code
}

// lockedOut has a stranger hold the DSL's address in the longest delay.
func lockedOut(h *house) *browser {
	h.t.Helper()
	stranger := h.browser()
	for n := 1; n <= 10; n++ {
		if code := stranger.tries("a guess"); code != http.StatusUnauthorized {
			h.t.Fatalf("guess %d: %d", n, code)
		}
		h.pass(delayAfter(n))
	}
	if stranger.tries("a guess"); stranger.tries(password) != http.StatusTooManyRequests {
		h.t.Fatal("the stranger does not wait")
	}
	return stranger
}

func TestAStrangerWhoKnowsTheAddressKeepsTheDSLOutOfNoBrowserTheyUse(t *testing.T) {
	h := newHouse(t)
	own := h.signedIn("dsl")
	must(t, h.store.RemoveSessions(t.Context(), school, h.now().Add(24*time.Hour), h.now()))
	stranger := lockedOut(h)
	want(t, own.post("/sign-in", "email", "dsl@larkmoor.example", "password", password), http.StatusSeeOther)
	// Whoever sits at the known browser waits for its own failures.
	stranger.known = own.known
	for n := 1; n <= 3; n++ {
		if code := stranger.tries("a guess"); code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", n, code)
		}
		if code := stranger.tries(password); code != http.StatusTooManyRequests {
			t.Fatalf("after %d guesses the known browser does not wait: %d", n, code)
		}
		h.pass(delayAfter(n))
	}
	if code := stranger.tries(password); code != http.StatusSeeOther {
		t.Errorf("after its wait: %d", code)
	}
}

func TestACookieThatIsForgedOldOrAnothersHelpsNobody(t *testing.T) {
	h := newHouse(t)
	own, other := h.signedIn("dsl"), h.signedIn("it")
	good := own.known.Value
	raw, err := base64.RawURLEncoding.DecodeString(good)
	must(t, err)
	later, short := append([]byte(nil), raw...), raw[:len(raw)-1]
	later[nonceSize+7]++ // issued a second later
	lockedOut(h)
	for name, value := range map[string]string{
		"another user's": other.known.Value, "empty": "", "no base 64": "!!!", "cut": base64.RawURLEncoding.EncodeToString(short),
		"later": base64.RawURLEncoding.EncodeToString(later), "zeroes": strings.Repeat("A", len(good)),
		"of another key":  browsers{[]byte("another key")}.issue(h.user("dsl"), h.now()),
		"of the future":   h.console.browsers.issue(h.user("dsl"), h.now().Add(time.Hour)),
		"half a year old": h.console.browsers.issue(h.user("dsl"), h.now().Add(-knownLife)),
	} {
		b := h.browser()
		b.known = &http.Cookie{Name: knownName, Value: value}
		if code := b.tries(password); code != http.StatusTooManyRequests {
			t.Errorf("%s: %d, want it to wait like a stranger", name, code)
		}
	}
	own.cookie = nil
	if code := own.tries(password); code != http.StatusSeeOther {
		t.Errorf("the good one: %d", code)
	}
}

func TestANewPasswordForgetsEveryBrowser(t *testing.T) {
	h := newHouse(t)
	own := h.signedIn("dsl")
	link := h.link("dsl", h.now().Add(time.Hour))
	want(t, h.browser().post(link, "password", "another four words", "confirm", "another four words"), http.StatusSeeOther)
	lockedOut(h)
	if code := own.tries("another four words"); code != http.StatusTooManyRequests {
		t.Errorf("a browser from before the new password is still known: %d", code)
	}
}

func TestTheKnownBrowsersCookieGoesNowhereElseAndIsReadByNoScript(t *testing.T) {
	c := newHouse(t).signedIn("dsl").known
	if c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
		t.Errorf("the cookie is %+v", c)
	}
}

func TestSessionsThatAreOverAreRemoved(t *testing.T) {
	h := newHouse(t)
	h.signedIn("dsl")
	h.signedIn("it")
	count := func() (n int) {
		must(t, h.store.DB().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sessions`).Scan(&n))
		return n
	}
	if n := count(); n != 2 {
		t.Fatalf("%d sessions, want 2", n)
	}
	h.pass(sessionIdle)
	if code := h.browser().tries(password); code != http.StatusSeeOther {
		t.Fatalf("signing in: %d", code)
	}
	if n := count(); n != 1 {
		t.Errorf("%d sessions are kept, want the newest alone", n)
	}
}
