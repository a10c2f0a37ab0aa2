package admin

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// TokenCreate asks for an enrolment token.
type TokenCreate struct {
	Site    string        `json:"site"`
	Uses    int           `json:"uses"`
	Expires time.Duration `json:"expires"` // from now, in nanoseconds
}

// TokenMade is the answer; the token is shown once and never stored.
type TokenMade struct {
	ID      string    `json:"id"` // by which it is listed and ended
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	Uses    int       `json:"uses"`
}

func (a *Admin) tokenCreate(ctx context.Context, req TokenCreate) ([]TokenMade, error) {
	made, err := a.NewToken(ctx, req)
	if err != nil {
		return nil, err
	}
	return one(made), nil
}

// NewToken makes an enrolment token, for the verb and for the console.
func (a *Admin) NewToken(ctx context.Context, req TokenCreate) (made TokenMade, err error) {
	if req.Uses < 1 || req.Uses > 100_000 {
		return made, usagef("creating a token: --uses %d: want 1 to 100000", req.Uses)
	}
	if req.Expires < time.Minute || req.Expires > 366*24*time.Hour {
		return made, usagef("creating a token: --expires %s: want 1m to 8784h (a year)", req.Expires)
	}
	if oddText(req.Site) || len(req.Site) > 200 {
		return made, usagef("creating a token: --site: want at most 200 characters of plain text")
	}
	root := a.Root
	if a.RootNow != nil {
		root = a.RootNow()
	}
	now := a.Now().UTC()
	t := pki.Token{
		Addresses: a.Addresses, Fingerprint: pki.Fingerprint(root), ServerName: a.ServerName,
		Secret: pki.NewSecret(), Expires: now.Add(req.Expires).Unix(),
	}
	line, err := t.Encode()
	if err != nil {
		return made, err
	}
	id := uuid.NewString()
	err = a.Store.AddToken(ctx, model.Token{
		School: a.School, ID: id, Hash: pki.HashSecret(t.Secret), Site: req.Site,
		Uses: req.Uses, Expires: t.ExpiresAt(), Created: now,
	})
	if err != nil {
		return made, fmt.Errorf("creating a token: %w", err)
	}
	return TokenMade{ID: id, Token: line, Expires: t.ExpiresAt().UTC(), Uses: req.Uses}, nil
}

// Nothing is the request of verbs that take none.
type Nothing struct{}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Named is the request of verbs that take one name.
type Named struct {
	Name string `json:"name"`
}

// Done says what a verb did.
type Done struct {
	Done string `json:"done"`
}

// UserAdd asks for somebody who may sign in.
type UserAdd struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Duty    string `json:"duty"`
	Account string `json:"account"`
}

// UserAdded is the answer. Link and Token are shown once and never stored.
type UserAdded struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Duty    string    `json:"duty"`
	Link    string    `json:"link"`
	Expires time.Time `json:"link_expires"`
	Token   string    `json:"token"`
}

// linkLife is how long a one-time link waits to be used.
const linkLife = 72 * time.Hour

func (a *Admin) userAdd(ctx context.Context, req UserAdd) ([]UserAdded, error) {
	req.Name = strings.TrimSpace(req.Name)
	if req.Name == "" || len(req.Name) > 200 {
		return nil, usagef("adding a user: --name: want 1 to 200 characters")
	}
	if oddText(req.Name) || oddText(req.Account) {
		return nil, usagef("adding a user: --name, --account: want plain text on one line, without control characters")
	}
	addr, err := mail.ParseAddress(req.Email)
	if err != nil || addr.Name != "" {
		return nil, usagef("adding a user: --email %q: want an address like dsl@school.example", req.Email)
	}
	if !slices.Contains(model.Duties, model.Duty(req.Duty)) {
		return nil, usagef("adding a user: --duty %q: want one of %v", req.Duty, model.Duties)
	}
	// Folded, as the sign-in page looks it up: people type capitals as they come.
	addr.Address = strings.ToLower(addr.Address)
	if _, err := a.Store.UserByEmail(ctx, a.School, addr.Address); err == nil {
		return nil, usagef("adding a user: somebody has the address %q already; `user list` shows it", addr.Address)
	}
	if _, err := a.Store.UserByName(ctx, a.School, req.Name); err == nil {
		return nil, usagef("adding a user: the name %q is taken; add an initial or a duty to tell them apart", req.Name)
	}
	school, err := a.Store.School(ctx, a.School)
	if err != nil {
		return nil, fmt.Errorf("adding a user: %w", err)
	}
	now := a.Now().UTC()
	link, token := pki.NewSecret(), pki.NewSecret()
	u := model.User{
		School: a.School, ID: uuid.NewString(), Name: req.Name, Email: addr.Address, Duty: model.Duty(req.Duty),
		Account: req.Account, Trial: school.Trial, LinkHash: pki.HashSecret(link), LinkExpires: now.Add(linkLife),
		TokenHash: pki.HashSecret(token), Created: now,
	}
	if err := a.Store.AddUser(ctx, u); err != nil {
		return nil, fmt.Errorf("adding a user: %w", err)
	}
	return one(UserAdded{
		ID: u.ID, Name: u.Name, Duty: req.Duty, Link: a.ConsoleURL + "/welcome/" + link,
		Expires: u.LinkExpires, Token: token,
	}), nil
}

// oddText says whether a text could forge lines of a list, or move the cursor of
// whoever reads it.
func oddText(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// UserRow is a line of `user list`.
type UserRow struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Duty     string `json:"duty"`
	SignedUp bool   `json:"signed_up"`
	Disabled bool   `json:"disabled"`
}

func (a *Admin) userList(ctx context.Context, _ Nothing) ([]UserRow, error) {
	users, err := a.Store.Users(ctx, a.School)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	rows := make([]UserRow, 0, len(users))
	for _, u := range users {
		rows = append(rows, UserRow{u.ID, u.Name, u.Email, string(u.Duty), u.PasswordHash != "", u.Disabled})
	}
	return rows, nil
}

func (a *Admin) userDisable(ctx context.Context, req Named) ([]Done, error) {
	u, err := a.Store.UserByID(ctx, a.School, req.Name)
	if errors.Is(err, a.NotFound) {
		u, err = a.Store.UserByEmail(ctx, a.School, strings.ToLower(req.Name))
	}
	if errors.Is(err, a.NotFound) {
		return nil, usagef("disabling a user: nobody has the id or address %q; `user list` shows them", req.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("disabling a user: %w", err)
	}
	if err := a.Store.DisableUser(ctx, a.School, u.ID); err != nil {
		return nil, fmt.Errorf("disabling a user: %w", err)
	}
	a.Changed()
	return one(Done{"disabled " + u.ID + " and ended their sessions"}), nil
}
