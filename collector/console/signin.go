package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// problem is one thing wrong with a form, beside its field.
type problem struct{ Field, Text string }

type signInView struct {
	Email    string
	Next     string
	Set      bool // a password has just been set
	Out      bool // signed out just now
	Problems []problem
}

// ToAlert says whether an alert is where the sign-in leads.
func (v signInView) ToAlert() bool { return strings.HasPrefix(v.Next, "/a/") }

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	_, ok, err := c.viewerOf(r)
	switch {
	case err != nil:
		c.broken(w, r, err)
	case ok:
		http.Redirect(w, r, next, http.StatusSeeOther)
	default:
		q := r.URL.Query()
		c.showSignIn(w, r, http.StatusOK, signInView{Next: next, Set: q.Has("set"), Out: q.Has("out")})
	}
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) {
	c.render(w, r, status, "sign-in", page{Title: "Sign in", Problems: v.Problems, View: v})
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	password := r.PostForm.Get("password")
	view := signInView{Email: email, Next: localPath(r.PostForm.Get("next"))}
	if view.Problems = signInProblems(email, password); view.Problems != nil {
		c.showSignIn(w, r, http.StatusUnprocessableEntity, view)
		return
	}
	user, wait, err := c.check(r.Context(), email, password, knownFrom(r))
	switch {
	case errors.Is(err, errBusy):
		c.refuseSignIn(w, r, view, http.StatusServiceUnavailable, wordsBusy, hashWait)
	case err != nil:
		c.broken(w, r, err)
	case wait > 0:
		c.refuseSignIn(w, r, view, http.StatusTooManyRequests, wordsWait(wait), wait)
	case user == nil:
		c.refuseSignIn(w, r, view, http.StatusUnauthorized, wordsNoMatch, 0)
	default:
		if err := c.startSession(w, r, *user); err != nil {
			c.broken(w, r, err)
			return
		}
		http.SetCookie(w, knownCookie(c.browsers.issue(*user, c.now())))
		http.Redirect(w, r, view.Next, http.StatusSeeOther)
	}
}

func signInProblems(email, password string) (problems []problem) {
	if email == "" {
		problems = append(problems, problem{"email", wordsEnterEmail})
	} else if !strings.Contains(email, "@") || len(email) > 254 {
		problems = append(problems, problem{"email", wordsEmailForm})
	}
	if password == "" {
		problems = append(problems, problem{"password", wordsEnterPassword})
	} else if len(password) > maxPassword {
		problems = append(problems, problem{"password", wordsPasswordLong})
	}
	return problems
}

func (c *Console) refuseSignIn(w http.ResponseWriter, r *http.Request, v signInView, status int, words string, after time.Duration) {
	if after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(after.Seconds())))
	}
	v.Problems = []problem{{"email", words}}
	c.showSignIn(w, r, status, v)
}

// check compares an e-mail and a password. The answer is a user, or a time to
// wait, or neither. An address that nobody has costs the same, waits the same
// and is answered in the same words. Failures count for the address or, with the
// cookie of a known browser of that user, for the browser.
func (c *Console) check(ctx context.Context, email, password, cookie string) (*model.User, time.Duration, error) {
	email = strings.ToLower(email) // as user add stores it
	user, err := c.store.UserByEmail(ctx, c.school, email)
	known := err == nil && !user.Disabled && user.PasswordHash != ""
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, 0, fmt.Errorf("finding a user: %w", err)
	}
	who, hasher := email, c.hasher
	if name, ok := c.browsers.knows(cookie, user, c.now()); ok && known {
		who, hasher = name, c.reserved
	}
	if !c.throttle.begin(who) {
		return nil, 0, errBusy
	}
	defer c.throttle.end(who)
	wait := c.throttle.strangerWait(who, c.now())
	if known && who == email {
		// Read anew: it may have failed since.
		if user, err = c.store.UserByEmail(ctx, c.school, email); err != nil {
			return nil, 0, fmt.Errorf("finding a user: %w", err)
		}
		wait = remaining(user.Failures, user.LastFailure, c.now())
	}
	if wait > 0 {
		return nil, wait, nil
	}
	hash := ""
	if known {
		hash = user.PasswordHash
	}
	ok, err := hasher.verify(ctx, hash, password)
	if err != nil {
		return nil, 0, err
	}
	if !ok && (!known || who != email) {
		c.throttle.strangerFailed(who, c.now())
	}
	if !known {
		return nil, 0, nil
	}
	if err := c.store.RecordSignIn(ctx, c.school, user.ID, ok, c.now()); err != nil {
		return nil, 0, fmt.Errorf("recording a sign-in: %w", err)
	}
	if !ok {
		return nil, 0, nil
	}
	c.throttle.forget(who)
	return &user, 0, nil
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		if err := c.endSession(r.Context(), pki.HashSecret(cookie.Value)); err != nil {
			c.broken(w, r, err)
			return
		}
	}
	http.SetCookie(w, sessionCookie("", -1))
	http.Redirect(w, r, "/sign-in?out", http.StatusSeeOther)
}
