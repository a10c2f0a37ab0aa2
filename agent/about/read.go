package about

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"safelight/internal/notice"
)

// Copy is what lies on the device for everybody.
type Copy struct {
	Text    string
	Page    string // path of the HTML; empty: there is none yet
	Address string // of the school's own page; empty: nobody said
	ForIT   string // what IT should know of this device; empty: nothing
}

// Read reads everybody's copy. Where there is none, or none that can be read, it is
// what a device says that has not heard from its school.
func Read(public string) Copy {
	c := Copy{Text: notice.Unheard().Text()}
	if text, err := os.ReadFile(filepath.Join(public, textFile)); err == nil && len(text) > 0 {
		c.Text = string(text)
	}
	page := filepath.Join(public, pageFile)
	if _, err := os.Stat(page); err == nil {
		c.Page = page
	}
	if address, err := os.ReadFile(filepath.Join(public, addressFile)); err == nil {
		if c.Address, err = checkAddress(strings.TrimSpace(string(address))); err != nil {
			c.Address = ""
		}
	}
	if note, err := os.ReadFile(filepath.Join(public, noteFile)); err == nil {
		c.ForIT = string(note)
	}
	return c
}

// answerWithin is how long the school's own page may take before the copy is shown.
const answerWithin = 2 * time.Second

// ErrNothingToOpen means that there is no page yet, only its text.
var ErrNothingToOpen = errors.New("this device has no page to open yet: it has not heard from its school")

// Opener opens a page in the browser of whoever asks.
type Opener struct {
	// Ask asks the school's page for itself; http.DefaultTransport where it is nil. A
	// certificate that this device does not know would have the browser warn, so the
	// copy is shown then.
	Ask http.RoundTripper
	// Start hands a path or an address to the system's browser.
	Start func(target string) error
}

// Open opens the school's page where it answers, else the device's own copy, and
// says which.
func (o Opener) Open(ctx context.Context, c Copy) (opened string, err error) {
	switch {
	case c.Address != "" && o.answers(ctx, c.Address):
		opened = c.Address
	case c.Page != "":
		opened = c.Page
	default:
		return "", ErrNothingToOpen
	}
	return opened, o.Start(opened)
}

func (o Opener) answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return false
	}
	ask := o.Ask
	if ask == nil {
		ask = http.DefaultTransport
	}
	resp, err := ask.RoundTrip(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // a HEAD has none
	return resp.StatusCode == http.StatusOK
}
