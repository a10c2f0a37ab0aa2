package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"safelight/collector/model"
)

func refused(field, format string, args ...any) error {
	return &model.CheckRefusedError{Field: field, Text: fmt.Sprintf(format, args...)}
}

const maxCheckText = 2000

func isNotFound(err error) bool { return errors.Is(err, model.ErrNotFound) }

// Record writes on a week's check what a person tried or was told. A check runs as
// itself or as a named test account, never as a pupil, and the filter's owner is
// told beforehand (G19).
func (c *Checks) Record(ctx context.Context, by model.User, r model.CheckRecord) (model.CheckRecord, error) {
	if model.SideOf(by.Duty) == "" {
		return r, refused("as", "IT, the DSL and deputies write on a week's check")
	}
	r.School, r.ID, r.By, r.At = c.school, rand.Text()[:12], by.ID, c.now().UTC()
	if r.Week == "" {
		r.Week = c.ThisWeek()
	}
	if err := c.begun(r.Week); err != nil {
		return r, err
	}
	for field, text := range map[string]*string{
		"what": &r.What, "account": &r.Account, "site": &r.Site, "told": &r.Told, "found": &r.Found, "done": &r.Done,
	} {
		if *text = strings.TrimSpace(*text); !plain(*text) || len(*text) > maxCheckText {
			return r, refused(field, "want plain text of at most %d characters", maxCheckText)
		}
	}
	if err := checkFields(r); err != nil {
		return r, err
	}
	if err := c.nobodys(ctx, r.Account); err != nil {
		return r, err
	}
	return r, c.store.AddCheckRecord(ctx, r)
}

func checkFields(r model.CheckRecord) error {
	tried := r.Kind == model.RecordFilter || r.Kind == model.RecordMonitor
	switch {
	case !slices.Contains(model.RecordKinds, r.Kind):
		return refused("kind", "want one of %v", model.RecordKinds)
	case r.What == "" && r.Kind == model.RecordFeedback:
		return refused("what", "say who was asked: a role or a group, no names needed")
	case r.What == "":
		return refused("what", "say what was tried or looked at")
	case r.Kind == model.RecordFeedback && r.Found == "":
		return refused("found", "say what they said")
	case r.Kind == model.RecordAction && r.Done == "":
		return refused("done", "say what was done, or who will do it by when")
	case !tried && (r.Group != "" || r.Account != ""):
		return refused("group", "only what was tried is tried as somebody")
	case tried && r.Group != "" && !slices.Contains(model.UserGroups, r.Group):
		return refused("group", "want one of %v, or none for the service itself", model.UserGroups)
	case tried && (r.Group == "") != (r.Account == ""):
		return refused("account", "a check counts for a kind of accounts only when it was made with a named test account of that kind: give both, or neither")
	case r.Kind == model.RecordFilter && r.Told == "":
		return refused("told", "say who answers for the filter and was told beforehand")
	case tried && !r.Worked && r.Done == "":
		return refused("done", "it did not work: say what was done, or who will do it by when")
	}
	return nil
}

// nobodys refuses an account of a pupil's for a test.
func (c *Checks) nobodys(ctx context.Context, account string) error {
	if account == "" {
		return nil
	}
	for _, as := range []string{account, model.BareAccount(account)} { // with a domain or without
		s, found, err := c.store.SubjectByAccount(ctx, c.school, as)
		if err != nil {
			return err
		}
		if found && s.Known && (s.Role == model.RolePupil || s.Role == model.RoleAdultLearner) {
			return refused("account", "the roster names this account as a pupil's: a check is never made in a pupil's session; use a test account")
		}
	}
	return nil
}

// begun refuses weeks that are no weeks, or have not come.
func (c *Checks) begun(week string) error {
	from, _, err := model.WeekSpan(week, c.now().Location())
	if err != nil {
		return refused("week", "%v", err)
	}
	if from.After(c.now()) {
		return refused("week", "%s has not begun", week)
	}
	return nil
}

// plain says whether a text holds nothing that moves a cursor or forges a line.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\r' && !unicode.IsPrint(r) })
}

// Sign signs a week's check for the side that a person's duty is on. What failed
// is not signed off before somebody wrote what is done about it; and both sides
// are two people, which the store holds to.
func (c *Checks) Sign(ctx context.Context, by model.User, week, words string) (model.CheckSignature, error) {
	sig := model.CheckSignature{School: c.school, Week: week, Side: model.SideOf(by.Duty), By: by.ID, Note: strings.TrimSpace(words)}
	if sig.Week == "" {
		sig.Week = c.ThisWeek()
	}
	if sig.Side == "" {
		return sig, refused("as", "a week's check is signed by IT and by the DSL or a deputy")
	}
	if err := c.begun(sig.Week); err != nil {
		return sig, err
	}
	if !plain(sig.Note) || len(sig.Note) > maxCheckText {
		return sig, refused("note", "want plain text of at most %d characters", maxCheckText)
	}
	w, err := c.Week(ctx, sig.Week)
	if err != nil {
		return sig, err
	}
	if other, ok := w.SignedBy(sig.Side); ok {
		return sig, refused("week", "%s has signed for this side already", w.Names[other.By])
	}
	if w.Trouble() && !w.ActedOn() {
		return sig, refused("done", "something failed or was not checked: first write down what was done, or who will do it by when")
	}
	sig.At, sig.Summary = c.now().UTC(), w.Summary()
	if err := c.store.SignCheck(ctx, sig); err != nil {
		return sig, asRefusal(err)
	}
	return sig, nil
}

// asRefusal turns the store's refusals into words for people.
func asRefusal(err error) error {
	var told interface{ CheckRefusal() string }
	if errors.As(err, &told) {
		return refused("as", "%s", told.CheckRefusal())
	}
	return err
}

// Spread is over how long devices' checks are spread where nobody says: enough
// that a thousand are done in ten minutes, and that few are not waited for long.
func Spread(devices int) time.Duration {
	return min(max(time.Duration(devices)*400*time.Millisecond, 30*time.Second), 8*time.Minute)
}

// maxSpread is how far a request may be spread: what agents keep to.
const maxSpread = time.Hour

// RequestOf asks one device to check itself at once.
func (c *Checks) RequestOf(ctx context.Context, by, device string) (model.CheckRequest, error) {
	r := model.CheckRequest{School: c.school, ID: rand.Text(), Device: device, At: c.now().UTC(), By: by}
	return r, c.store.RequestCheck(ctx, r)
}

// Request asks every device to check itself within a time, each at a moment of
// its own; 0 is as long as their number takes.
func (c *Checks) Request(ctx context.Context, by string, within time.Duration) (model.CheckRequest, error) {
	if within < 0 || within > maxSpread {
		return model.CheckRequest{}, refused("within", "%s: want up to an hour", within)
	}
	if within == 0 {
		devices, err := c.store.Devices(ctx, c.school)
		if err != nil {
			return model.CheckRequest{}, err
		}
		within = Spread(len(devices))
	}
	r := model.CheckRequest{School: c.school, ID: rand.Text(), At: c.now().UTC(), By: by, Within: within.Round(time.Second)}
	return r, c.store.RequestCheck(ctx, r)
}
