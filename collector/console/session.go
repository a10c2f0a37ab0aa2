package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"safelight/collector/model"
	"safelight/internal/pki"
)

const (
	// The __Host- prefix makes browsers refuse the cookie unless it is secure,
	// for the whole site and for this host alone.
	cookieName = "__Host-safelight"

	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
	// touchEvery keeps page loads from costing a write each.
	touchEvery = time.Minute
)

// WelcomePath is the one-time link's path; publicURL and it make the link.
func WelcomePath(secret string) string { return "/welcome/" + secret }

// startSession signs a user in on this browser, and ends the session the
// browser had.
func (c *Console) startSession(w http.ResponseWriter, r *http.Request, user model.User) error {
	if old, err := r.Cookie(cookieName); err == nil {
		if err := c.store.EndSession(r.Context(), c.school, pki.HashSecret(old.Value)); err != nil && !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("ending the browser's earlier session: %w", err)
		}
	}
	secret, now := pki.NewSecret(), c.now()
	if err := c.store.RemoveSessions(r.Context(), c.school, now, now.Add(-sessionIdle)); err != nil {
		return fmt.Errorf("removing sessions that are over: %w", err)
	}
	session := model.Session{School: c.school, Hash: pki.HashSecret(secret), User: user.ID, Created: now, Seen: now, Expires: now.Add(sessionLife)}
	if err := c.store.AddSession(r.Context(), session); err != nil {
		return fmt.Errorf("storing a session: %w", err)
	}
	http.SetCookie(w, sessionCookie(secret, int(sessionLife.Seconds())))
	return nil
}

func sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// viewerOf finds who is signed in; ok is false for nobody.
func (c *Console) viewerOf(r *http.Request) (v viewer, ok bool, err error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return viewer{}, false, nil
	}
	ctx, now, hash := r.Context(), c.now(), pki.HashSecret(cookie.Value)
	session, user, err := c.store.SessionByHash(ctx, c.school, hash, now)
	if errors.Is(err, model.ErrNotFound) {
		return viewer{}, false, nil
	}
	if err != nil {
		return viewer{}, false, fmt.Errorf("finding a session: %w", err)
	}
	if stale(session, now) || user.Disabled {
		return viewer{}, false, c.endSession(ctx, hash)
	}
	if now.Sub(session.Seen) >= touchEvery {
		if err := c.store.TouchSession(ctx, c.school, hash, now, session.Expires); err != nil {
			return viewer{}, false, fmt.Errorf("keeping a session alive: %w", err)
		}
	}
	return viewer{user: user, hash: hash, from: origin(r)}, true, nil
}

// stale says whether a session is over by either of its two clocks.
func stale(s model.Session, now time.Time) bool {
	return !now.Before(s.Seen.Add(sessionIdle)) || !now.Before(s.Created.Add(sessionLife)) || !now.Before(s.Expires)
}

func (c *Console) endSession(ctx context.Context, hash []byte) error {
	if err := c.store.EndSession(ctx, c.school, hash); err != nil && !errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// signedIn lets only signed-in people through, and brings the others back to
// where they were going.
func (c *Console) signedIn(next func(http.ResponseWriter, *http.Request, viewer)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, ok, err := c.viewerOf(r)
		switch {
		case err != nil:
			c.broken(w, r, err)
		case !ok:
			http.SetCookie(w, sessionCookie("", -1))
			http.Redirect(w, r, signInURL(r), http.StatusSeeOther)
		default:
			next(w, r.WithContext(model.WithActor(r.Context(), model.Actor{Who: model.UserActor(v.user.ID), Via: v.from})), v)
		}
	})
}

// signInURL remembers a page that was asked for. A press cannot be remembered:
// it must be pressed again, on its page.
func signInURL(r *http.Request) string {
	next := localPath(r.URL.Path)
	if ref := r.PathValue("ref"); ref != "" {
		next = localPath("/a/" + tidyRef(ref))
	}
	if next == "/" {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(next)
}
