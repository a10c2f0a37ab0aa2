package console

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/pki"
)

func TestALinkThatAMailScannerOpensStillWorks(t *testing.T) {
	h := newHouse(t)
	link := h.link("dsl", monday.Add(time.Hour))
	for range 3 {
		want(t, h.browser().get(link), http.StatusOK, "Set your password", "dsl@larkmoor.example")
	}
	want(t, h.browser().post(link, "password", password, "confirm", password), http.StatusSeeOther)
	want(t, h.browser().get(link), http.StatusGone, "This link does not work any more")
	want(t, h.browser().post(link, "password", "another password", "confirm", "another password"), http.StatusGone)
}

func TestALinkExpires(t *testing.T) {
	h := newHouse(t)
	link := h.link("dsl", monday.Add(time.Hour))
	h.pass(time.Hour)
	want(t, h.browser().get(link), http.StatusGone)
	want(t, h.browser().post(link, "password", password, "confirm", password), http.StatusGone)
	want(t, h.browser().get("/welcome/"+strings.Repeat("A", 43)), http.StatusGone)
}

func TestOfTwentyThatUseALinkAtOnceOneSetsThePassword(t *testing.T) {
	h := newHouse(t)
	link := h.link("dsl", monday.Add(time.Hour))
	codes := make([]int, 20)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			for { // "busy" is an answer too: try again, as a person would
				codes[i] = h.browser().post(link, "password", password, "confirm", password).Code
				if codes[i] != http.StatusServiceUnavailable {
					return
				}
			}
		})
	}
	wg.Wait()
	set := 0
	for _, code := range codes {
		switch code {
		case http.StatusSeeOther:
			set++
		case http.StatusGone:
		default:
			t.Errorf("status %d, want 303 or 410", code)
		}
	}
	if set != 1 {
		t.Errorf("%d set the password, want 1", set)
	}
}

func TestWeakPasswordsAreRefusedWithAReason(t *testing.T) {
	h := newHouse(t)
	link := h.link("dsl", monday.Add(time.Hour))
	for name, c := range map[string]struct{ password, confirm, says string }{
		"empty":         {"", "", wordsEnterNewPassword},
		"short":         {"eleven char", "eleven char", wordsPasswordShort},
		"short runes":   {"ééééééé", "ééééééé", wordsPasswordShort},
		"the e-mail":    {"DSL@larkmoor.example", "DSL@larkmoor.example", wordsPasswordIsEmail},
		"one character": {"éééééééééééé", "éééééééééééé", wordsPasswordOneCharacter},
		"too long":      {strings.Repeat("ab", 300), strings.Repeat("ab", 300), wordsPasswordLong},
		"mistyped":      {password, password + "!", wordsConfirm},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.browser().post(link, "password", c.password, "confirm", c.confirm)
			want(t, w, http.StatusUnprocessableEntity, c.says, "There is a problem", "<title>Error: ")
			if c.password != "" {
				wantNot(t, w, `value="`+c.password)
			}
		})
	}
	want(t, h.browser().get(link), http.StatusOK)
}

func TestSignInFormsThatAreWrong(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	want(t, b.post("/sign-in"), http.StatusUnprocessableEntity, wordsEnterEmail, wordsEnterPassword)
	want(t, b.post("/sign-in", "email", "dsl", "password", "x"), http.StatusUnprocessableEntity, wordsEmailForm)
	want(t, b.post("/sign-in", "email", "a@b", "password", strings.Repeat("x", 600)), http.StatusUnprocessableEntity, wordsPasswordLong)
	want(t, b.do(http.MethodPost, "/sign-in", strings.NewReader("email=%ZZ")), http.StatusBadRequest, "did not arrive whole")
	want(t, b.do(http.MethodPost, "/sign-in", strings.NewReader("email="+strings.Repeat("x", maxForm))), http.StatusBadRequest)
	want(t, b.post("/sign-in", "email", `"><script>@x`, "password", "x"), http.StatusUnauthorized, "&#34;&gt;&lt;script&gt;@x")
}

func TestTheDelayGrowsAndEnds(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 0, 1: 2 * time.Second, 4: 16 * time.Second, 9: 512 * time.Second, 10: maxDelay, 1000: maxDelay, -1: 0} {
		if got := delayAfter(n); got != want {
			t.Errorf("after %d failures: %s, want %s", n, got, want)
		}
	}
	h := newHouse(t)
	h.signedIn("dsl")
	b := h.browser()
	for n := 1; n <= 6; n++ {
		want(t, b.post("/sign-in", "email", "dsl@larkmoor.example", "password", "wrong"), http.StatusUnauthorized, wordsNoMatch)
		// Even the right password waits, and its try does not prolong the wait.
		h.pass(delayAfter(n) - time.Second)
		want(t, b.post("/sign-in", "email", "dsl@larkmoor.example", "password", password), http.StatusTooManyRequests, "Wait 1 second, then try again")
		h.pass(time.Second)
	}
	want(t, b.post("/sign-in", "email", " DSL@larkmoor.example ", "password", password), http.StatusSeeOther)
	want(t, h.browser().post("/sign-in", "email", "dsl@larkmoor.example", "password", "wrong"), http.StatusUnauthorized)
	h.pass(2 * time.Second)
	want(t, h.browser().post("/sign-in", "email", "dsl@larkmoor.example", "password", password), http.StatusSeeOther)
}

func TestNobodyLearnsWhoHasAnAccount(t *testing.T) {
	h := newHouse(t)
	h.signedIn("dsl")
	must(t, h.store.DisableUser(t.Context(), school, "it"))
	for range 5 {
		var pages []string
		for _, email := range []string{"dsl@larkmoor.example", "stranger@larkmoor.example", "deputy@larkmoor.example", "it@larkmoor.example"} {
			first := h.browser().post("/sign-in", "email", email, "password", "wrong")
			second := h.browser().post("/sign-in", "email", email, "password", "wrong")
			page := first.Body.String() + first.Result().Status + second.Body.String() + second.Result().Status + second.Header().Get("Retry-After")
			pages = append(pages, strings.ReplaceAll(page, email, "EMAIL"))
		}
		for i, page := range pages[1:] {
			if page != pages[0] {
				t.Fatalf("address %d is answered otherwise:\n%s\n---\n%s", i+1, page, pages[0])
			}
		}
		h.pass(time.Minute)
	}
}

func TestAnUnknownUserCostsAsMuchAsAKnownOne(t *testing.T) {
	hasher := newHasher(params{memory: 1024, passes: 2, threads: 1})
	p, _, _, err := decodeHash(hasher.dummy)
	must(t, err)
	if p != hasher.params {
		t.Errorf("the dummy costs %+v, want %+v", p, hasher.params)
	}
	for _, guess := range []string{"", "x", password} {
		if ok, err := hasher.verify(t.Context(), "", guess); ok || err != nil {
			t.Errorf("nobody's password matched: %v %v", ok, err)
		}
	}
}

func TestAHundredGuessesAtOnceAreOneGuess(t *testing.T) {
	h := newHouse(t)
	h.signedIn("dsl")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			h.browser().post("/sign-in", "email", "dsl@larkmoor.example", "password", "wrong")
		})
	}
	wg.Wait()
	u, err := h.store.UserByID(t.Context(), school, "dsl")
	must(t, err)
	if u.Failures != 1 {
		t.Errorf("%d guesses were checked, want 1", u.Failures)
	}
}

func TestAFloodOfSignInsIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(params{memory: 64, passes: 1, threads: 1})
		for range cap(hasher.slots) {
			leave, err := hasher.enter(t.Context())
			must(t, err)
			defer leave()
		}
		began := time.Now()
		var wg sync.WaitGroup
		for range cap(hasher.queue) {
			wg.Go(func() {
				if _, err := hasher.verify(t.Context(), "", "x"); !errors.Is(err, errBusy) {
					t.Errorf("got %v, want errBusy", err)
				}
			})
		}
		wg.Wait()
		if waited := time.Since(began); waited != hashWait {
			t.Errorf("waited %s, want %s", waited, hashWait)
		}
	})
}

func TestStrangersTakeBoundedRoom(t *testing.T) {
	th := newThrottle()
	for i := range maxStrangers + 100 {
		th.strangerFailed(strings.Repeat("x", i%97)+time.Duration(i).String(), monday.Add(time.Duration(i)*time.Second))
	}
	if len(th.strangers) > maxStrangers {
		t.Errorf("%d addresses are kept, want at most %d", len(th.strangers), maxStrangers)
	}
}

func TestStoredHashesThatAreBrokenAreRefused(t *testing.T) {
	hasher := newHasher(params{memory: 64, passes: 1, threads: 1})
	good, err := hasher.hash(t.Context(), password)
	must(t, err)
	if ok, err := hasher.verify(t.Context(), good, password); !ok || err != nil {
		t.Fatalf("the right password: %v %v", ok, err)
	}
	if ok, _ := hasher.verify(t.Context(), good, password+"x"); ok {
		t.Error("a wrong password matched")
	}
	for _, bad := range []string{
		"x", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$a2V5", strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=255", 1),
		good + "$x", strings.TrimRight(good, "=")[:len(good)-40], strings.Replace(good, "m=64", "m=a", 1),
	} {
		if ok, err := hasher.verify(t.Context(), bad, password); ok || err == nil {
			t.Errorf("%q: %v %v, want an error", bad, ok, err)
		}
	}
}

func TestSessionsEndWhenIdleAndInTheEnd(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	for range 20 { // ten hours of steady use
		h.pass(29 * time.Minute)
		want(t, b.get("/"), http.StatusOK)
	}
	idle := *b
	h.pass(sessionIdle)
	want(t, idle.get("/"), http.StatusSeeOther)

	b = h.signedIn("deputy")
	for began := h.now(); h.now().Sub(began) < sessionLife-29*time.Minute; h.pass(29 * time.Minute) {
		want(t, b.get("/"), http.StatusOK)
	}
	h.pass(29 * time.Minute)
	want(t, b.get("/"), http.StatusSeeOther)
}

func TestSigningOutEndsTheSessionOnTheServer(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	kept := *b.cookie
	want(t, b.get("/sign-out"), http.StatusNotFound)
	want(t, b.get("/"), http.StatusOK)
	want(t, b.post("/sign-out"), http.StatusSeeOther)
	b.cookie = &kept
	want(t, b.get("/"), http.StatusSeeOther)
}

func TestADisabledUserIsOutAtOnce(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	must(t, h.store.DisableUser(t.Context(), school, "dsl"))
	want(t, b.get("/"), http.StatusSeeOther)
	want(t, b.post("/sign-in", "email", "dsl@larkmoor.example", "password", password), http.StatusUnauthorized)
}

func TestOnlyTheHashOfACookieIsStored(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	c := b.cookie
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") || len(c.Value) != 43 {
		t.Errorf("the cookie is %+v", c)
	}
	if _, _, err := h.store.SessionByHash(t.Context(), school, []byte(c.Value), h.now()); err == nil {
		t.Error("the store knows the cookie itself")
	}
	if _, _, err := h.store.SessionByHash(t.Context(), school, pki.HashSecret(c.Value), h.now()); err != nil {
		t.Errorf("the store does not know the cookie's hash: %v", err)
	}
}

func TestADeepLinkComesBackAfterSignIn(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.browser()
	w := b.get("/a/" + ref)
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "/sign-in?next=%2Fa%2F"+ref {
		t.Fatalf("%d to %s", w.Code, got)
	}
	want(t, b.get(w.Header().Get("Location")), http.StatusOK, `name="next" value="/a/`+ref)
	h.signedIn("dsl")
	w = b.post("/sign-in", "email", "dsl@larkmoor.example", "password", password, "next", "/a/"+ref)
	if got := w.Header().Get("Location"); got != "/a/"+ref {
		t.Errorf("sent to %s", got)
	}
	// A mail program that takes the sentence's full stop along, a typist.
	for _, typed := range []string{ref + ".", strings.ToLower(ref), strings.ReplaceAll(strings.ReplaceAll(ref, "0", "o"), "1", "l")} {
		if typed == ref {
			continue
		}
		for _, reader := range []*browser{b, h.browser()} {
			w := reader.get("/a/" + typed)
			if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasSuffix(got, ref) {
				t.Errorf("%s leads to %d %s", typed, w.Code, got)
			}
		}
	}
}

func TestASignInNeverLeadsElsewhere(t *testing.T) {
	h := newHouse(t)
	h.signedIn("dsl")
	for _, next := range []string{
		"https://elsewhere.example/", "//elsewhere.example", `/\elsewhere.example`, "/a/../..//elsewhere.example", "javascript:alert(1)",
		"/a/7KQ2M4XT/../../x", "/a/7KQ2M4X", "/a/7kq2m4xt?x=//e", "\t//elsewhere.example", "/sign-out", "/a/IIIIIIII",
	} {
		w := h.browser().post("/sign-in", "email", "dsl@larkmoor.example", "password", password, "next", next)
		if got := w.Header().Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestAPressFromAnotherSiteIsRefused(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	for _, headers := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://elsewhere.example"}}, {"Origin": {"null"}},
	} {
		b.header = headers
		for _, target := range []string{"/a/" + ref + "/take", "/a/" + ref + "/name", "/a/" + ref + "/words", "/sign-in", "/sign-out"} {
			want(t, b.post(target), http.StatusForbidden, "Nothing has been changed")
		}
	}
	if a := h.alerts()[0]; a.State != model.AlertOpen || a.Severity != event.Urgent {
		t.Errorf("the alert is %s", a.State)
	}
	if looks := h.looks(ref); len(looks) != 0 {
		t.Errorf("looks: %v", looks)
	}
	b.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	want(t, b.post("/a/"+ref+"/take"), http.StatusSeeOther)
}

func TestEveryAnswerCarriesItsArmour(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	for _, w := range []*httptest.ResponseRecorder{
		h.browser().get("/sign-in"), h.browser().get("/"), b.get("/"), b.get("/a/" + ref), b.get("/nowhere"), b.get("/cover"), b.get(h.link("it", monday.Add(time.Hour))),
	} {
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		body := w.Body.String()
		for _, inline := range []string{"style=", "<style", "onclick=", "<script>", "javascript:"} {
			if strings.Contains(body, inline) {
				t.Errorf("%s is in a page, against the policy", inline)
			}
		}
	}
	b.header = http.Header{"Sec-Purpose": {"prefetch;prerender"}}
	before := len(h.looks(ref))
	want(t, b.get("/a/"+ref), http.StatusServiceUnavailable)
	if after := len(h.looks(ref)); after != before {
		t.Error("a prefetch counted as reading")
	}
}

func TestCapitalsInAnAddressAreTheSameAddress(t *testing.T) {
	h := newHouse(t)
	want(t, h.browser().post(h.link("dsl", monday.Add(time.Hour)), "password", password, "confirm", password), http.StatusSeeOther)
	want(t, h.browser().post("/sign-in", "email", " Dsl@Larkmoor.example ", "password", password), http.StatusSeeOther)
}
