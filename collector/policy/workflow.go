package policy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// WorkflowStore is what proposing, publishing and trying need kept.
type WorkflowStore interface {
	Store
	TrialStore
	OutcomeStore
	School(ctx context.Context, id model.SchoolID) (model.School, error)
	SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error)
	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
	GroupSize(ctx context.Context, school model.SchoolID, group string) (int, error)
	PolicyHistory(ctx context.Context, school model.SchoolID) ([]model.PolicyVersion, error)
	AddProposal(ctx context.Context, p model.Proposal, files map[string]model.Blob) (model.Proposal, error)
	Proposal(ctx context.Context, school model.SchoolID, id string) (model.Proposal, error)
	Proposals(ctx context.Context, school model.SchoolID) ([]model.Proposal, error)
	ProposalFiles(ctx context.Context, school model.SchoolID, id string) (map[string][]byte, error)
	WithdrawProposal(ctx context.Context, school model.SchoolID, id, by, why string, now time.Time) error
}

// Workflow is the way of a change of rules: somebody proposes it, a DSL publishes
// it. What lowers the guard in a grave category, and what looks at more than
// before (G7), takes two people; the rest a DSL may publish alone.
type Workflow struct {
	*Publisher
	store   WorkflowStore
	shipped map[string][]byte
	periods func(ctx context.Context) (Periods, error) // nil: not known
	has     func(ctx context.Context) (rules.School, error)
	zone    *time.Location

	trying  sync.Mutex
	running map[string]int // trials under way, by user; guarded by trying

	answering sync.Mutex // held while a trial is told its numbers and these are kept
}

// NewWorkflow makes the workflow around a publisher. shipped are the packs built
// into the program.
func NewWorkflow(p *Publisher, shipped map[string][]byte, store WorkflowStore) *Workflow {
	return &Workflow{Publisher: p, store: store, shipped: shipped, zone: time.UTC, running: map[string]int{}}
}

// proposers are the duties that may propose.
var proposers = []model.Duty{model.DutyIT, model.DutyDSL, model.DutyDeputy}

// Side is one set of rules to look at.
type Side = model.RuleSet

// base is what a change is held against, and its version.
type base struct {
	Side
	version Version
}

// base is what is in force. A trial school that has published nothing yet begins
// from the packs in the program: it may publish those, and better ones, without a
// second person, for there is nobody real in it (G12). Any other school begins
// from nothing, so that its first rules take two people (G7).
func (w *Workflow) base(ctx context.Context) (base, error) {
	v, ok, err := w.store.LatestPolicy(ctx, w.school)
	if err != nil {
		return base{}, fmt.Errorf("reading the rules in force: %w", err)
	}
	if ok {
		files, err := w.sourcesOf(ctx, v)
		return base{Side{Name: nameOf(v), Files: files}, Version{Epoch: v.Epoch, Serial: v.Serial}}, err
	}
	school, err := w.store.School(ctx, w.school)
	if err != nil {
		return base{}, fmt.Errorf("reading the school: %w", err)
	}
	if school.Trial {
		return base{Side: Side{Name: "the shipped rules", Files: w.shipped}}, nil
	}
	return base{Side: Side{Name: "nothing"}}, nil
}

func nameOf(v model.PolicyVersion) string { return fmt.Sprintf("%d.%d", v.Epoch, v.Serial) }

// Compare reviews the change from one set of rules to another.
func (w *Workflow) Compare(from, to Side) (model.RuleReview, error) {
	was, err := outlineOf(from)
	if err != nil {
		return model.RuleReview{}, err
	}
	is, err := outlineOf(to)
	if err != nil {
		return model.RuleReview{}, err
	}
	r := Review(was, is)
	r.From, r.To = from.Name, to.Name
	return r, nil
}

// UseSchool has Strange know what the school has. Without it nothing is known.
func (w *Workflow) UseSchool(has func(ctx context.Context) (rules.School, error)) { w.has = has }

// Strange lists, with file and line, what scopes name that the school does not have.
func (w *Workflow) Strange(ctx context.Context, of Side) (lines []string, err error) {
	o, err := outlineOf(of)
	if err != nil || w.has == nil {
		return nil, err
	}
	school, err := w.has(ctx)
	if err != nil {
		return nil, fmt.Errorf("comparing scopes with the school: %w", err)
	}
	for _, p := range o.Strange(school) {
		lines = append(lines, p.Error())
	}
	return lines, nil
}

// GoBy says what of hours and places the rules in force go by; nothing before the
// first.
func (w *Workflow) GoBy(ctx context.Context) (all model.RulesGoBy, err error) {
	now, err := w.base(ctx)
	if err != nil || now.version == (Version{}) {
		return all, err
	}
	set, err := compile(now.Files)
	if err != nil {
		return all, fmt.Errorf("the rules of %s: %w", now.Name, err)
	}
	for _, scope := range set.Policy().Scopes {
		all.Premises = all.Premises || scope.Premises != ""
		all.Hours = append(all.Hours, scope.When...)
	}
	slices.Sort(all.Hours)
	all.Hours = slices.Compact(all.Hours)
	return all, nil
}

// NamesOf says whether scopes of rules name groups, sites, years or hours at all.
func NamesOf(files map[string][]byte) (bool, error) {
	o, err := outline(files)
	if err != nil {
		return false, err
	}
	return o.Names(), nil
}

func outlineOf(s Side) (*rules.Outline, error) {
	if s.Files == nil {
		return &rules.Outline{}, nil
	}
	o, err := outline(s.Files)
	if err != nil {
		return nil, fmt.Errorf("reading the rules of %s: %w", s.Name, err)
	}
	return o, nil
}

// Propose keeps a change for a DSL to publish.
func (w *Workflow) Propose(ctx context.Context, to Side, by model.User, reason, necessity string) (model.Proposal, model.RuleReview, error) {
	p := model.Proposal{School: w.school, At: w.now().UTC(), By: by.ID, Reason: strings.TrimSpace(reason), Necessity: strings.TrimSpace(necessity)}
	review, from, err := w.propose(ctx, to, by, p)
	if err != nil {
		return p, review, fmt.Errorf("proposing rules: %w", err)
	}
	p.BaseEpoch, p.BaseSerial = from.Epoch, from.Serial
	blobs := map[string]model.Blob{}
	for name, data := range to.Files {
		blobs[name] = model.Blob{School: w.school, SHA256: sha256.Sum256(data), Data: data}
	}
	p, err = w.store.AddProposal(ctx, p, blobs)
	review.To = p.ID
	return p, review, err
}

// propose says what may be proposed.
func (w *Workflow) propose(ctx context.Context, to Side, by model.User, p model.Proposal) (review model.RuleReview, from Version, err error) {
	if !slices.Contains(proposers, by.Duty) {
		return review, from, fmt.Errorf("it is for the duties %v; --as gave a person with the duty %q", proposers, by.Duty)
	}
	if p.Reason == "" {
		return review, from, errors.New("give --reason WHY; it is kept with the proposal")
	}
	if err := w.unchanged(to.Files); err != nil {
		return review, from, err
	}
	set, err := Check(to.Files)
	if err != nil {
		return review, from, fmt.Errorf("the rules do not pass their own tests; `rules check` shows each problem: %w", err)
	}
	if err := w.nobodyAlone(ctx, set); err != nil {
		return review, from, err
	}
	b, err := w.base(ctx)
	if err != nil {
		return review, from, err
	}
	if b.version != (Version{}) && same(b.Files, to.Files) {
		return review, from, fmt.Errorf("these are the rules in force (%s): nothing would change", b.Name)
	}
	if review, err = w.reviewed(ctx, b, to); err != nil {
		return review, from, err
	}
	if review.Widening && p.Necessity == "" {
		return review, from, fmt.Errorf("it %s: say with --necessity why that is needed and what less would not do; it is kept (G7)", first(review, widens))
	}
	return review, b.version, nil
}

func same(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }

func widens(c model.RuleChange) bool { return c.Widens }
func lowers(c model.RuleChange) bool { return c.Lowers }

// first says the first change of a sort, and how many more there are.
func first(r model.RuleReview, of func(model.RuleChange) bool) string {
	text, more := "", 0
	for _, c := range r.Changes {
		switch {
		case !of(c):
		case text == "":
			text = c.Text
		default:
			more++
		}
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Publish brings a set of rules into force that takes no second person.
func (w *Workflow) Publish(ctx context.Context, to Side, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error) {
	if err := mayPublish(by); err != nil {
		return model.PolicyVersion{}, model.RuleReview{}, fmt.Errorf("publishing rules: %w", err)
	}
	set, err := Check(to.Files) // before they are compared with anything
	if err != nil {
		return model.PolicyVersion{}, model.RuleReview{}, err
	}
	if err := w.nobodyAlone(ctx, set); err != nil {
		return model.PolicyVersion{}, model.RuleReview{}, fmt.Errorf("publishing rules: %w", err)
	}
	b, err := w.base(ctx)
	if err != nil {
		return model.PolicyVersion{}, model.RuleReview{}, fmt.Errorf("publishing rules: %w", err)
	}
	review, err := w.reviewed(ctx, b, to)
	if err != nil {
		return model.PolicyVersion{}, review, fmt.Errorf("publishing rules: %w", err)
	}
	if err := alone(review, to.Name); err != nil {
		return model.PolicyVersion{}, review, fmt.Errorf("publishing rules: %w", err)
	}
	v, err := w.PublishChange(ctx, Change{Files: to.Files, By: by.ID, Reason: strings.TrimSpace(reason), Over: &b.version})
	return v, review, err
}

func mayPublish(by model.User) error {
	if by.Duty != model.DutyDSL {
		return fmt.Errorf("%s publishes them; --as gave a person with the duty %q, who can propose them where the duty is one of %v", model.DutyDSL, by.Duty, proposers)
	}
	return nil
}

// alone refuses what takes a second person, and says how it goes.
func alone(r model.RuleReview, what string) error {
	var why []string
	if r.Lowering {
		why = append(why, "it lowers the guard: it "+first(r, lowers))
	}
	if r.Widening {
		why = append(why, "it looks at more than before: it "+first(r, widens))
	}
	if len(why) == 0 {
		return nil
	}
	necessity := ""
	if r.Widening {
		necessity = " --necessity WHY_NEEDED"
	}
	return fmt.Errorf("this takes two people, since %s; have somebody else run `rules propose %s --as WHO --reason WHY%s`, then publish the proposal", strings.Join(why, "; and "), what, necessity)
}

// PublishProposal brings into force what somebody else proposed.
func (w *Workflow) PublishProposal(ctx context.Context, id string, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error) {
	v, review, err := w.publishProposal(ctx, id, by, reason)
	if err != nil {
		err = fmt.Errorf("publishing %s: %w", id, err)
	}
	return v, review, err
}

func (w *Workflow) publishProposal(ctx context.Context, id string, by model.User, reason string) (v model.PolicyVersion, review model.RuleReview, err error) {
	if err := mayPublish(by); err != nil {
		return v, review, err
	}
	p, files, err := w.proposal(ctx, id)
	if err != nil {
		return v, review, err
	}
	if p.State != model.ProposalOpen {
		return v, review, fmt.Errorf("it was %s on %s already", p.State, p.Decided.UTC().Format("2 January 2006"))
	}
	proposer, err := w.store.UserByID(ctx, w.school, p.By)
	if err != nil {
		return v, review, fmt.Errorf("reading who proposed it: %w", err)
	}
	b, err := w.base(ctx)
	if err != nil {
		return v, review, err
	}
	if err := w.stillAsProposed(ctx, p, b); err != nil {
		return v, review, err
	}
	if review, err = w.reviewed(ctx, b, Side{Name: p.ID, Files: files}); err != nil {
		return v, review, err
	}
	set, err := compile(files)
	if err != nil {
		return v, review, err
	}
	if err := w.nobodyAlone(ctx, set); err != nil { // the roster may have changed since
		return v, review, err
	}
	one, err := w.OnePerson(ctx, proposer, by)
	if err != nil {
		return v, review, err
	}
	if one && (review.Lowering || review.Widening) {
		return v, review, fmt.Errorf("%s proposed it, and it takes two people: somebody else with the duty %s publishes it", proposer.Name, model.DutyDSL)
	}
	if review.Widening && p.Necessity == "" { // a trial school may have become a real one since
		return v, review, fmt.Errorf("it %s, and was proposed without --necessity: propose it again with one", first(review, widens))
	}
	v, err = w.PublishChange(ctx, Change{Files: files, By: by.ID, Reason: cmp.Or(strings.TrimSpace(reason), p.Reason), Proposal: p.ID, Over: &b.version})
	return v, review, err
}

// proposal reads a proposal and its files.
func (w *Workflow) proposal(ctx context.Context, id string) (model.Proposal, map[string][]byte, error) {
	p, err := w.store.Proposal(ctx, w.school, id)
	if errors.Is(err, model.ErrNotFound) {
		return p, nil, errors.New("there is no such proposal; `rules proposals` lists them")
	}
	if err != nil {
		return p, nil, err
	}
	files, err := w.store.ProposalFiles(ctx, w.school, id)
	return p, files, err
}

// stillAsProposed refuses a proposal that was made against other rules than those
// in force: published, it would take back what came between, unread.
func (w *Workflow) stillAsProposed(ctx context.Context, p model.Proposal, now base) error {
	was := Version{Epoch: p.BaseEpoch, Serial: p.BaseSerial}
	if was == now.version {
		return nil
	}
	if was != (Version{}) {
		files, err := w.SourcesOf(ctx, was)
		if err != nil {
			return err
		}
		if same(files, now.Files) {
			return nil // published again as it was, or with newer lists
		}
	}
	return fmt.Errorf("the rules in force have changed since it was proposed (now %s): take them (`rules show %s --into FOLDER`), make the change there, and propose it again", now.Name, now.Name)
}

// samePerson says whether two users are one person, whatever they sign in with: a
// second pair of eyes is not a second token.
func samePerson(a, b model.User) bool {
	account := model.BareAccount(a.Account)
	return a.ID == b.ID ||
		account != "" && account == model.BareAccount(b.Account) ||
		mailbox(a.Email) != "" && mailbox(a.Email) == mailbox(b.Email) ||
		personName(a.Name) != "" && personName(a.Name) == personName(b.Name)
}

// OnePerson says so too where the roster gives both users' accounts to one person:
// by the school's own reference, or by the name.
func (w *Workflow) OnePerson(ctx context.Context, a, b model.User) (bool, error) {
	if samePerson(a, b) {
		return true, nil
	}
	var people [2]model.Subject
	for i, u := range []model.User{a, b} {
		s, found, err := w.store.SubjectByAccount(ctx, w.school, u.Account)
		if err != nil {
			return false, fmt.Errorf("reading whose accounts they are: %w", err)
		}
		if !found || !s.Known {
			return false, nil
		}
		people[i] = s
	}
	one, other := people[0], people[1]
	return one.ID == other.ID || one.Reference != "" && one.Reference == other.Reference ||
		personName(one.Name) != "" && personName(one.Name) == personName(other.Name), nil
}

// mailbox is an address without what many servers let its owner add (RFC 5233).
func mailbox(address string) string {
	local, domain, _ := strings.Cut(strings.ToLower(strings.TrimSpace(address)), "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain
}

func personName(name string) string { return strings.Join(strings.Fields(strings.ToLower(name)), " ") }

// Withdraw ends a proposal without publishing it: whoever made it may, and a DSL.
func (w *Workflow) Withdraw(ctx context.Context, id string, by model.User, reason string) error {
	p, _, err := w.proposal(ctx, id)
	if err == nil && by.ID != p.By && by.Duty != model.DutyDSL {
		err = fmt.Errorf("whoever proposed it withdraws it, or %s", model.DutyDSL)
	}
	if err == nil {
		err = w.store.WithdrawProposal(ctx, w.school, id, by.ID, strings.TrimSpace(reason), w.now().UTC())
	}
	if err != nil {
		return fmt.Errorf("withdrawing %s: %w", id, err)
	}
	return nil
}
