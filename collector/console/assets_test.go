package console

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestNothingEmbeddedIsOffLimits(t *testing.T) {
	off := regexp.MustCompile(`(?i)GDS Transport|crest|crown`)
	n := 0
	must(t, fs.WalkDir(assets, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		body, err := assets.ReadFile(path)
		if found := off.Find(body); found != nil {
			t.Errorf("%s holds %q, which only gov.uk may use", path, found)
		}
		return err
	}))
	if n < 10 {
		t.Errorf("only %d files were looked at", n)
	}
}

// The compiled stylesheet carries its sources' hashes, so that nobody changes
// one without the other.
func TestTheCompiledStylesAreFresh(t *testing.T) {
	css, err := assets.ReadFile("static/safelight.css")
	must(t, err)
	for _, source := range []string{"govuk.scss", "safelight.scss", "main.scss"} {
		body, err := os.ReadFile("styles/" + source)
		must(t, err)
		sum := sha256.Sum256(body)
		if !strings.Contains(string(css), hex.EncodeToString(sum[:])+"  "+source) {
			t.Errorf("static/safelight.css was not made from this styles/%s: run styles/build.sh", source)
		}
	}
	for _, far := range []string{"http:", "https:", "@import", "url("} {
		if strings.Contains(string(css), far) {
			t.Errorf("the stylesheet fetches something: %s", far)
		}
	}
}

func TestStaticFilesMayBeKeptByTheirVersion(t *testing.T) {
	h := newHouse(t)
	url, err := h.console.pages.asset("safelight.css")
	must(t, err)
	w := h.browser().get(url)
	want(t, w, http.StatusOK, "--urgent")
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("with its version: %q", got)
	}
	if got := h.browser().get("/static/safelight.css?v=old").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("with another version: %q", got)
	}
	for _, path := range []string{"/static/house_test.go", "/static/..%2ftemplates%2ftoday.html", "/static/"} {
		if w := h.browser().get(path); w.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
	if _, err := h.console.pages.asset("nothing.css"); err == nil {
		t.Error("a page may name a file that is not there")
	}
}

func TestAConsoleWithoutItsPartsIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, cfg := range []Config{{}, {School: school}, {School: school, Store: h.store, Categories: words{}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
