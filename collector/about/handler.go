package about

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"safelight/collector/rate"
)

// Board shows the page. It is safe for concurrent use.
type Board struct {
	now     atomic.Pointer[Rendered]
	address atomic.Pointer[string]
	secure  bool // it is served over TLS
	few     *rate.Limiter
}

// perSecond is how often the page is handed out in all: a school's devices behind
// one address are many people, so nobody is counted by address. What is over it is
// asked to come again.
var perSecond = rate.Limit{Burst: 3000, Second: 500}

// NewBoard makes a board on which nothing stands yet. secure: it is reached over
// TLS of its own. now is a clock that does not jump.
func NewBoard(secure bool, now func() time.Time) *Board {
	return &Board{secure: secure, few: rate.New(perSecond, 1, now)}
}

// Put has the board show the page of these facts, and says whether it is another
// one than before.
func (b *Board) Put(f Facts) (changed bool, err error) {
	r, err := Render(f)
	if err != nil {
		return false, err
	}
	b.address.Store(&f.Address)
	old := b.now.Swap(&r)
	return old == nil || !bytes.Equal(old.Copy, r.Copy) || !bytes.Equal(old.Text, r.Text), nil
}

// Copies are what devices keep, by name; nil before the first Put.
func (b *Board) Copies() map[string][]byte {
	r := b.now.Load()
	if r == nil {
		return nil
	}
	return map[string][]byte{"about.txt": r.Text, "about.html": r.Copy}
}

// Address is where people reach the page; empty: nobody said.
func (b *Board) Address() string {
	if a := b.address.Load(); a != nil {
		return *a
	}
	return ""
}

// policy lets the page load its own style and nothing else. It runs no script,
// sends no form and stands in no frame.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page. Nothing about who asks is kept, logged or told.
func (b *Board) Handler() http.Handler {
	mux := http.NewServeMux()
	html, text := "text/html; charset=utf-8", "text/plain; charset=utf-8"
	page := b.show(html, func(r *Rendered) []byte { return r.Page })
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /about", page)
	mux.HandleFunc("GET /worry", b.show(html, func(r *Rendered) []byte { return r.Worry }))
	mux.HandleFunc("GET /about.txt", b.show(text, func(r *Rendered) []byte { return r.Text }))
	mux.HandleFunc("GET /static/about.css", b.show("text/css; charset=utf-8", func(*Rendered) []byte { return []byte(style) }))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "This page can only be read.", http.StatusMethodNotAllowed)
			return
		}
		// Whatever was mistyped, helplines are what stands there.
		b.write(w, r, http.StatusNotFound, html, func(r *Rendered) []byte { return r.Worry })
	})
	return b.guarded(mux)
}

func (b *Board) show(kind string, which func(*Rendered) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { b.write(w, r, http.StatusOK, kind, which) }
}

func (b *Board) write(w http.ResponseWriter, r *http.Request, status int, kind string, which func(*Rendered) []byte) {
	now := b.now.Load()
	if now == nil {
		http.Error(w, "This page is not ready yet. In danger call 999. Childline is 0800 1111.", http.StatusServiceUnavailable)
		return
	}
	body := which(now)
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // asked each time whether it is still so
	if status == http.StatusOK && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever left needs it no more
}

// guarded puts the same armour round every answer.
func (b *Board) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		if b.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if wait := b.few.Take(""); wait > 0 {
			h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			http.Error(w, "Many people are reading this page. Try again in a moment. In danger call 999. Childline is 0800 1111.", http.StatusServiceUnavailable)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 0)
		next.ServeHTTP(w, r)
	})
}
