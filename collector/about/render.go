package about

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the template and the style
	"encoding/hex"
	"fmt"
	"html/template"

	"safelight/internal/notice"
)

//go:embed templates/page.html
var pageSource string

//go:embed about.css
var style string

var (
	pageTemplate = template.Must(template.New("").Parse(pageSource))
	styleVersion = version([]byte(style))
)

func version(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// view is what the template is given.
type view struct {
	Title, School     string
	HelpLead          string
	Help, Report      []link
	Worry, WorryTitle string
	Sections          []notice.Section
	Foot              []string
	Back, BackTitle   string
	Inline            bool // the page stands alone, as a file
	Style             template.CSS
	StyleVersion      string
}

// link is a helpline's; its address is a constant of package notice.
type link struct {
	notice.Helpline
	Link template.URL
}

func links(all []notice.Helpline) []link {
	out := make([]link, len(all))
	for i, h := range all {
		out[i] = link{h, template.URL(h.Link)} //nolint:gosec // constants of package notice: tel:, sms: and https:
	}
	return out
}

// Rendered is the page in every form there is.
type Rendered struct {
	Page, Worry []byte // HTML that names /static/about.css
	Text        []byte // plain text
	Copy        []byte // HTML that stands alone, for devices
}

// Render writes the page. The same facts give the same bytes.
func Render(f Facts) (Rendered, error) {
	n := f.Notice()
	base := view{
		Title: "What Safelight does at " + f.School, School: f.School, HelpLead: notice.HelpLead,
		Help: links(notice.Helplines), WorryTitle: notice.WorryTitle, StyleVersion: styleVersion,
	}
	page := base
	page.Worry, page.Sections = "/worry", n.Sections
	page.Foot = []string{"Rules and settings as of " + f.AsOf + ".", "No cookies. Nothing about your visit to this page is recorded."}
	worry := base
	worry.Title, worry.Sections, worry.Report = notice.WorryTitle, []notice.Section{f.worry()}, links(notice.Report)
	worry.Foot = []string{"No cookies. Nothing about your visit to this page is recorded."}
	worry.Back, worry.BackTitle = "/", "What Safelight does, and what it does not"
	alone := base
	alone.Inline, alone.Style = true, template.CSS(style) //nolint:gosec // our own, built in
	alone.Sections, alone.Report = append([]notice.Section{f.worry()}, n.Sections...), links(notice.Report)
	alone.Foot = []string{"Rules and settings as of " + f.AsOf + ".", "This copy lies on the computer itself. Nothing is recorded when you open it."}
	if f.Address != "" {
		alone.Back, alone.BackTitle = f.Address+"/", "The newest version of this page"
	}
	n.Sections = alone.Sections
	r := Rendered{Text: []byte(n.Text())}
	for _, one := range []struct {
		to *[]byte
		of view
	}{{&r.Page, page}, {&r.Worry, worry}, {&r.Copy, alone}} {
		var b bytes.Buffer
		if err := pageTemplate.ExecuteTemplate(&b, "page", one.of); err != nil {
			return Rendered{}, fmt.Errorf("writing the About page: %w", err)
		}
		*one.to = b.Bytes()
	}
	return r, nil
}
