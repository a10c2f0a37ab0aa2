package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"safelight/collector/model"
)

// KeyringRequest asks for the sealed keyring. Place, where given, is the folder
// that it goes into, to be remembered.
type KeyringRequest struct {
	Place string `json:"place,omitempty"`
}

// Keyring is the keyring, sealed to the recovery key, and where copies lie.
type Keyring struct {
	Name   string   `json:"name"`
	Sealed []byte   `json:"sealed"`
	Places []string `json:"places"`
}

func (a *Admin) keyring(ctx context.Context, req KeyringRequest) ([]Keyring, error) {
	k, err := a.Keyring(ctx, req.Place)
	if err != nil {
		return nil, err
	}
	return one(k), nil
}

// SubjectErase asks for a person's name and words to be made unreadable.
type SubjectErase struct {
	As      string `json:"as"`
	Account string `json:"account,omitempty"`
	Subject string `json:"subject,omitempty"` // instead of the account
	Reason  string `json:"reason"`
}

// SubjectErased says what was done, and where older copies of the keyring lie.
type SubjectErased struct {
	Subject string  `json:"subject"`
	Keyring Keyring `json:"keyring"`
}

func (a *Admin) subjectErase(ctx context.Context, req SubjectErase) ([]SubjectErased, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if u.Duty != model.DutyDSL {
		return nil, usagef("erasing a subject: %s does it; --as gave a person with the duty %q", model.DutyDSL, u.Duty)
	}
	if strings.TrimSpace(req.Reason) == "" {
		return nil, usagef("erasing a subject: --reason: say why; it is kept, and shown with the alerts")
	}
	s, err := a.whom(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("erasing a subject: %w", err)
	}
	if own := model.BareAccount(u.Account); own != "" && own == model.BareAccount(s.Account) {
		return nil, usagef("erasing a subject: nobody erases what is about themselves: ask another person with the duty %s", model.DutyDSL)
	}
	ctx = model.WithActor(ctx, model.Actor{Who: model.UserActor(u.ID), Via: caller(ctx)})
	if err := a.Store.EraseSubject(ctx, a.School, s.ID, strings.TrimSpace(req.Reason), a.Now()); err != nil {
		return nil, err
	}
	a.Changed()
	k, err := a.Keyring(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("the subject is erased here; copies of the keyring still hold the key: %w; mend it and run `keyring export` for each place", err)
	}
	return one(SubjectErased{s.ID, k}), nil
}

// whom finds the subject, which must be one and be there.
func (a *Admin) whom(ctx context.Context, req SubjectErase) (model.Subject, error) {
	if (req.Account == "") == (req.Subject == "") {
		return model.Subject{}, usagef("want an account or --subject, one of the two")
	}
	if req.Subject != "" {
		s, err := a.Store.Subject(ctx, a.School, req.Subject)
		if errors.Is(err, a.NotFound) {
			err = errors.New("there is no subject with this id; `alerts` prints each alert's")
		}
		return s, err
	}
	s, found, err := a.Store.SubjectByAccount(ctx, a.School, req.Account)
	if err == nil && !found {
		err = errors.New("nobody is stored under this account, written like this; give it as the roster or `events` does, or give --subject")
	}
	return s, err
}
