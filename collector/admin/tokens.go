package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// TokenList asks for enrolment tokens: those that work or, with All, every one.
type TokenList struct {
	All bool `json:"all"`
}

// TokenRow is one of them. Its secret is not kept, and stands in no list.
type TokenRow struct {
	ID      string     `json:"id"`
	Site    string     `json:"site"`
	Uses    int        `json:"uses"`
	Left    int        `json:"left"` // of them; what is left of one that does not work admits nobody
	State   string     `json:"state"`
	Expires time.Time  `json:"expires"`
	Created time.Time  `json:"created"`
	By      string     `json:"by"` // who made it; empty: an earlier version did not keep it
	Ended   *time.Time `json:"ended,omitempty"`
}

// What a token's State says.
const (
	tokenWorks   = "works"
	tokenUsed    = "used up"
	tokenExpired = "expired"
	tokenEnded   = "ended"
)

func (a *Admin) tokenList(ctx context.Context, req TokenList) ([]TokenRow, error) {
	tokens, err := a.Store.Tokens(ctx, a.School)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	now, rows := a.Now(), []TokenRow{}
	for _, t := range tokens {
		if t.Works(now) || req.All {
			rows = append(rows, TokenRow{
				ID: t.ID, Site: t.Site, Uses: t.Uses, Left: t.Uses - t.Used, State: tokenState(t, now), Expires: t.Expires.UTC(),
				Created: t.Created.UTC(), By: a.actorName(ctx, t.Maker), Ended: timeOrNil(t.Ended),
			})
		}
	}
	return rows, nil
}

func tokenState(t model.Token, now time.Time) string {
	switch {
	case t.Works(now):
		return tokenWorks
	case !t.Ended.IsZero():
		return tokenEnded
	case t.Used >= t.Uses:
		return tokenUsed
	}
	return tokenExpired
}

// actorName names who did something: a user of the console, or an account of the
// collector's own machine.
func (a *Admin) actorName(ctx context.Context, actor string) string {
	if id, ok := strings.CutPrefix(actor, model.UserActor("")); ok {
		return a.userName(ctx, id)
	}
	if name, ok := strings.CutPrefix(actor, model.SystemActor("")); ok {
		return name + " (command line)"
	}
	return actor
}

func (a *Admin) tokenEnd(ctx context.Context, req Named) ([]Done, error) {
	switch err := a.EndToken(ctx, req.Name); {
	case errors.Is(err, a.NotFound):
		return nil, usagef("ending a token: there is none with the id %q; `token list --all` shows them", req.Name)
	case err != nil:
		return nil, err
	}
	return one(Done{"ended " + req.Name + "; the devices that it admitted stay"}), nil
}

// EndToken ends a token before its time, for the verb and for the console.
func (a *Admin) EndToken(ctx context.Context, id string) error {
	if err := a.Store.EndToken(ctx, a.School, id, a.Now()); err != nil {
		return fmt.Errorf("ending a token: %w", err)
	}
	return nil
}
