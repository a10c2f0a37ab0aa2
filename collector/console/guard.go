package console

import (
	"net"
	"net/http"
	"strings"

	"safelight/collector/model"
)

// policy lets a page load this site's own files, send forms to it, and nothing
// more.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds what a form may send.
const maxForm = 16 << 10

// guarded puts the same armour round every answer.
func (c *Console) guarded(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(c.crossOrigin))
	inner := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cache-Control", "no-store")
		// A browser that fetches ahead of a press would mark an alert as read
		// that nobody read.
		if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		inner.ServeHTTP(w, r.WithContext(model.WithActor(r.Context(), model.Actor{Who: "somebody", Via: origin(r)})))
	})
}

// origin is the address a request came from, without its port.
func origin(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// localPath lets through only the pages a sign-in may return to. A list, not a
// filter: what is not on it is Today.
func localPath(next string) string {
	if ref, ok := strings.CutPrefix(next, "/a/"); ok && validRef(ref) {
		return next
	}
	if id, ok := strings.CutPrefix(next, "/devices/"); ok && validDeviceID(id) {
		return next
	}
	for _, e := range navigation {
		if next == e.Path {
			return next
		}
	}
	return "/"
}

// validRef says whether ref could be an alert's reference: eight Crockford
// base-32 characters.
func validRef(ref string) bool {
	if len(ref) != 8 {
		return false
	}
	for _, r := range ref {
		if !strings.ContainsRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", r) {
			return false
		}
	}
	return true
}

// typed reads a reference as people and mail programs hand it over: with the
// sentence's full stop, in small letters, with a letter for a digit.
var typed = strings.NewReplacer("O", "0", "I", "1", "L", "1")

func tidyRef(ref string) string {
	return typed.Replace(strings.ToUpper(strings.TrimRight(strings.TrimSpace(ref), ".,;:)>")))
}
