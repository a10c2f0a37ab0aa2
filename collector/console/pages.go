package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

//go:embed templates/*.html static/*
var assets embed.FS

// page is what every template is given.
type page struct {
	Title    string
	Viewer   *viewer // nil: nobody is signed in, or it does not matter
	Current  string  // the navigation entry the page is
	Ref      string  // the alert the page is about
	Problems []problem
	View     any

	// filled by render
	School string
	Trial  bool
	Duty   string
	Seen   string // how far the school can see today
	Lead   bool   // the page says Seen itself
	Nav    []entry
	Guards bool // the viewer reads alerts: the page may have to be covered
}

// CoverNext is where an uncovered page goes on.
func (p page) CoverNext() string {
	if p.Ref != "" {
		return "/a/" + p.Ref
	}
	return "/"
}

// pages holds the parsed templates and the files they refer to.
type pages struct {
	templates map[string]*template.Template
	files     map[string]file
}

type file struct {
	body        []byte
	contentType string
	version     string
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func loadPages() (*pages, error) {
	p := &pages{templates: map[string]*template.Template{}, files: map[string]file{}}
	static, err := fs.ReadDir(assets, "static")
	if err != nil {
		return nil, fmt.Errorf("listing static files: %w", err)
	}
	for _, entry := range static {
		body, err := assets.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading a static file: %w", err)
		}
		kind, ok := contentTypes[path.Ext(entry.Name())]
		if !ok {
			return nil, fmt.Errorf("reading static file %s: no content type for it; add one to contentTypes", entry.Name())
		}
		sum := sha256.Sum256(body)
		p.files[entry.Name()] = file{body: body, contentType: kind, version: hex.EncodeToString(sum[:6])}
	}
	for _, name := range []string{"sign-in", "welcome", "today", "alert", "message", "cover", "devices", "device-list", "device", "coverage", "enrol", "token", "checks"} {
		t := template.New("").Funcs(template.FuncMap{"asset": p.asset, "fieldError": fieldError, "whole": whole, "dict": dict, "num": num})
		if p.templates[name], err = t.ParseFS(assets, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"); err != nil {
			return nil, fmt.Errorf("reading template %s: %w", name, err)
		}
	}
	return p, nil
}

// asset is a static file's address; it changes when the file does, so that it
// may be kept for good.
func (p *pages) asset(name string) (string, error) {
	f, ok := p.files[name]
	if !ok {
		return "", fmt.Errorf("no static file %s", name)
	}
	return "/static/" + name + "?v=" + f.version, nil
}

// together is what a line must not break: "self-harm", "Year 9".
var together = regexp.MustCompile(`Year \d+|\S+-\S+`)

// whole escapes a sentence and holds together what belongs together.
func whole(s string) template.HTML {
	return template.HTML(together.ReplaceAllString(template.HTMLEscapeString(s), `<span class="nb">$0</span>`)) //nolint:gosec // escaped in the same breath
}

// dict hands a part several things: names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict takes names and values in turn, and got %d", len(pairs))
	}
	all := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict takes a name at %d, and got %T", i, pairs[i])
		}
		all[name] = pairs[i+1]
	}
	return all, nil
}

// fieldError finds what is wrong with a field.
func fieldError(problems []problem, field string) string {
	for _, p := range problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// static serves the embedded files; they say nothing about anybody.
func (p *pages) static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := p.files[r.PathValue("file")]
		if !ok {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", f.contentType)
		if r.URL.Query().Get("v") == f.version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		w.Write(f.body)
	})
}

// render writes a whole page or, where the template fails, none of it.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	if school, err := c.store.School(r.Context(), c.school); err == nil {
		p.School, p.Trial = school.Name, school.Trial
	}
	if p.Viewer != nil {
		p.Duty = dutyNoun(p.Viewer.user.Duty)
		p.Nav, p.Guards = c.navigationOf(p.Viewer.user.Duty), p.Viewer.mayRead()
		if p.Guards {
			p.Seen = c.seenToday(r)
		}
	}
	var body bytes.Buffer
	if err := c.pages.templates[name].ExecuteTemplate(&body, "layout", p); err != nil {
		c.log.ErrorContext(r.Context(), "writing a page failed", "page", name, "error", err)
		http.Error(w, strings.Join(messageBroken.Lines, "\n"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

// seenToday says how many of the school's devices were heard of today.
func (c *Console) seenToday(r *http.Request) string {
	if c.fleet == nil {
		return ""
	}
	seen, enrolled := c.fleet.DevicesToday(r.Context())
	return fmt.Sprintf("%d of %d", seen, enrolled)
}
