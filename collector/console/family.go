package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"safelight/collector/model"
)

// familyView is what came of one device's copies, on its page and on those of its
// copies: the device itself may be revoked, and has no page then.
type familyView struct {
	Of, Name string
	Count    int
	Text     string // how many came of it
	Them     string // "these 12 devices"
	Some     string // a few by name
	Here     bool   // it is enrolled
}

// familyNamed is how many of them the confirmation names.
const familyNamed = 5

func (c *Console) families(ctx context.Context, l model.Ledger, d model.LedgerDevice) ([]familyView, error) {
	var all []familyView
	for _, of := range []string{d.ID, d.CameOf} {
		if of == "" {
			continue
		}
		copies, err := c.devices.CopiesOf(ctx, of)
		if err != nil {
			return nil, fmt.Errorf("reading what came of a device: %w", err)
		}
		if n := len(copies); n > 0 {
			_, here := findDevice(l, of)
			f := familyView{Of: of, Name: ledgerName(l, of), Count: n, Some: someNames(l, copies), Here: here, Them: "these " + plural(n, "device", "devices")}
			f.Text = plural(n, "device", "devices") + " came of copies of " + f.Name + "."
			if n == 1 {
				f.Text, f.Them = "1 device came of a copy of "+f.Name+".", "this device"
			}
			all = append(all, f)
		}
	}
	return all, nil
}

// someNames names a few devices, and counts the rest.
func someNames(l model.Ledger, devices []model.Device) string {
	var names []string
	for _, d := range devices[:min(len(devices), familyNamed)] {
		names = append(names, ledgerName(l, d.ID))
	}
	if rest := len(devices) - len(names); rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), rest)
	}
	return strings.Join(names, ", ")
}

// revokeCopies ends the access of what came of a device's copies: no more of them than
// the reader was told.
func (c *Console) revokeCopies(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	d, err := c.deviceAt(r)
	if errors.Is(err, model.ErrNotFound) {
		c.notFound(w, r, v)
		return
	}
	if err != nil {
		c.broken(w, r, fmt.Errorf("revoking the copies of a device: %w", err))
		return
	}
	back := "/devices/" + d.ID
	if from := r.PostForm.Get("from"); plainID(from) {
		back = "/devices/" + from
	}
	most, _ := strconv.Atoi(r.PostForm.Get("count")) // what is no number is none
	revoked, err := c.devices.RevokeCopies(r.Context(), model.RevokeCopies{
		Of: d.ID, Itself: r.PostForm.Get("itself") != "" && d.Revoked.IsZero(), Most: most,
	})
	switch {
	case errors.Is(err, model.ErrMoreCopies):
		http.Redirect(w, r, back+"?more", http.StatusSeeOther)
	case errors.Is(err, model.ErrNotFound): // somebody was faster
		http.Redirect(w, r, back, http.StatusSeeOther)
	case err != nil:
		c.broken(w, r, fmt.Errorf("revoking the copies of a device: %w", err))
	default:
		http.Redirect(w, r, "/devices?revoked_copies="+strconv.Itoa(len(revoked)), http.StatusSeeOther)
	}
}

// deviceAt is the device that an address names, revoked or not.
func (c *Console) deviceAt(r *http.Request) (model.Device, error) {
	id := r.PathValue("id")
	if !plainID(id) { // what no device has need not be asked for, and some of it cannot be
		return model.Device{}, model.ErrNotFound
	}
	return c.store.Device(r.Context(), c.school, id)
}

// plainID says whether a text could be a device's id.
func plainID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}
