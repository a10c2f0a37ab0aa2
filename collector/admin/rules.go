package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// Rules is the way of a change of rules.
type Rules interface {
	Propose(ctx context.Context, to model.RuleSet, by model.User, reason, necessity string) (model.Proposal, model.RuleReview, error)
	Withdraw(ctx context.Context, id string, by model.User, reason string) error
	// Publish brings rules into force that take no second person.
	Publish(ctx context.Context, to model.RuleSet, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error)
	PublishProposal(ctx context.Context, id string, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error)
	Rollback(ctx context.Context, to model.RuleVersion, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error)
	// Find reads rules by what people call them; ParseVersion knows a serial.
	Find(ctx context.Context, name string) (model.RuleSet, error)
	ParseVersion(text string) (model.RuleVersion, bool)
	Before(ctx context.Context, v model.RuleVersion) (model.RuleSet, error)
	Compare(from, to model.RuleSet) (model.RuleReview, error)
	// Strange lists what scopes name that the school does not have.
	Strange(ctx context.Context, of model.RuleSet) ([]string, error)
	Explain(ctx context.Context, name string, q model.RuleQuestion) (model.RuleExplanation, error)
	Try(ctx context.Context, to model.RuleSet, by model.User, since time.Time) (model.TrialResult, error)
	Trials(ctx context.Context) ([]model.Trial, error)
	TrialResult(ctx context.Context, id string) (model.TrialResult, error)
	Precision(ctx context.Context, since time.Time) ([]model.RulePrecision, error)
	Suggestions(ctx context.Context, by model.User) ([]model.RuleSuggestion, error)
}

// RulesSide is one set of rules: files and what they are called, or, without
// files, a serial, a proposal's id or "in-force".
type RulesSide struct {
	Name  string            `json:"name"`
	Files map[string][]byte `json:"files,omitempty"`
}

func (a *Admin) side(ctx context.Context, s RulesSide) (model.RuleSet, error) {
	if len(s.Files) > 0 {
		if oddText(s.Name) || len(s.Name) > 200 {
			s.Name = "a folder"
		}
		return model.RuleSet(s), nil
	}
	set, err := a.Rules.Find(ctx, s.Name)
	if err != nil {
		return set, usageError{err}
	}
	return set, nil
}

// maxWhy bounds what people write beside a change.
const maxWhy = 1000

func why(verb, flag, text string) error {
	if len(text) > maxWhy || strings.ContainsAny(text, "\x00\x1b") {
		return usagef("%s: %s: want at most %d characters of plain text", verb, flag, maxWhy)
	}
	return nil
}

// RulesPropose carries a change that somebody wants.
type RulesPropose struct {
	RulesSide
	As        string `json:"as"`
	Reason    string `json:"reason"`
	Necessity string `json:"necessity,omitempty"`
}

// RulesProposed is the answer.
type RulesProposed struct {
	ProposalLine
	Review model.RuleReview `json:"review"`
}

// ProposalLine is a line of `rules proposals`.
type ProposalLine struct {
	Proposal  string     `json:"proposal"`
	State     string     `json:"state"`
	At        time.Time  `json:"at"`
	By        string     `json:"by"`
	Reason    string     `json:"reason"`
	Necessity string     `json:"necessity,omitempty"`
	Over      string     `json:"over"` // the version it was made against; "nothing" before the first
	Decided   *time.Time `json:"decided,omitempty"`
	DecidedBy string     `json:"decided_by,omitempty"`
	Why       string     `json:"why,omitempty"` // of the decision
	Became    string     `json:"became,omitempty"`
}

func (a *Admin) proposalLine(ctx context.Context, p model.Proposal) ProposalLine {
	l := ProposalLine{
		Proposal: p.ID, State: string(p.State), At: p.At.UTC(), By: a.nameOf(ctx, p.By), Reason: p.Reason, Necessity: p.Necessity,
		Over: "nothing", Decided: timeOrNil(p.Decided), Why: p.Why,
	}
	if p.BaseSerial > 0 {
		l.Over = fmt.Sprintf("%d.%d", p.BaseEpoch, p.BaseSerial)
	}
	if p.DecidedBy != "" {
		l.DecidedBy = a.nameOf(ctx, p.DecidedBy)
	}
	if p.Serial > 0 {
		l.Became = fmt.Sprintf("%d.%d", p.Epoch, p.Serial)
	}
	return l
}

// nameOf is a user's name, or their id where they are not there any more.
func (a *Admin) nameOf(ctx context.Context, id string) string {
	if u, err := a.Store.UserByID(ctx, a.School, id); err == nil {
		return u.Name
	}
	return id
}

func (a *Admin) rulesPropose(ctx context.Context, req RulesPropose) ([]RulesProposed, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(why("proposing rules", "--reason", req.Reason), why("proposing rules", "--necessity", req.Necessity)); err != nil {
		return nil, err
	}
	set, err := a.side(ctx, req.RulesSide)
	if err != nil {
		return nil, err
	}
	p, review, err := a.Rules.Propose(a.by(ctx, u), set, u, req.Reason, req.Necessity)
	if err != nil {
		return nil, usageError{err}
	}
	if review.Strange, err = a.Rules.Strange(ctx, set); err != nil {
		return nil, err
	}
	return one(RulesProposed{a.proposalLine(ctx, p), review}), nil
}

// by says for the record that a person acts, and by what way.
func (a *Admin) by(ctx context.Context, u model.User) context.Context {
	return model.WithActor(ctx, model.Actor{Who: model.UserActor(u.ID), Via: caller(ctx)})
}

func (a *Admin) rulesProposals(ctx context.Context, _ Nothing) ([]ProposalLine, error) {
	all, err := a.Store.Proposals(ctx, a.School)
	if err != nil {
		return nil, err
	}
	lines := make([]ProposalLine, 0, len(all))
	for _, p := range all {
		lines = append(lines, a.proposalLine(ctx, p))
	}
	return lines, nil
}

// RulesDecide is the request of verbs that decide something about a proposal or a
// version.
type RulesDecide struct {
	Name   string `json:"name"`
	As     string `json:"as"`
	Reason string `json:"reason"`
}

func (a *Admin) rulesWithdraw(ctx context.Context, req RulesDecide) ([]Done, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if err := why("withdrawing a proposal", "--reason", req.Reason); err != nil {
		return nil, err
	}
	if err := a.Rules.Withdraw(a.by(ctx, u), req.Name, u, req.Reason); err != nil {
		return nil, usageError{err}
	}
	return one(Done{"withdrew " + req.Name}), nil
}

// RulesPublish carries a pack's files, or names a proposal or a version.
type RulesPublish struct {
	Name   string            `json:"name,omitempty"`
	Files  map[string][]byte `json:"files,omitempty"`
	As     string            `json:"as"`
	Reason string            `json:"reason"`
}

// RulesPublished is the answer, and a line of `rules history`.
type RulesPublished struct {
	Epoch  uint64    `json:"epoch"`
	Serial uint64    `json:"serial"`
	Issued time.Time `json:"issued"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	KeyID  string    `json:"key_id"`
	// Of what was proposed before.
	Proposal   string `json:"proposal,omitempty"`
	ProposedBy string `json:"proposed_by,omitempty"`
	Proposed   string `json:"proposed_reason,omitempty"`
	Necessity  string `json:"necessity,omitempty"`
	// Review is of the answer alone.
	Review *model.RuleReview `json:"review,omitempty"`
}

func (a *Admin) rulesPublish(ctx context.Context, req RulesPublish) ([]RulesPublished, error) {
	u, err := a.publisher(ctx, req.As, req.Reason)
	if err != nil {
		return nil, err
	}
	ctx = a.by(ctx, u)
	if len(req.Files) == 0 && strings.HasPrefix(req.Name, "P-") {
		set, err := a.side(ctx, RulesSide{Name: req.Name})
		if err != nil {
			return nil, err
		}
		v, review, err := a.Rules.PublishProposal(ctx, req.Name, u, strings.TrimSpace(req.Reason))
		return a.published(ctx, v, set, review, u, err)
	}
	set, err := a.side(ctx, RulesSide{req.Name, req.Files})
	if err != nil {
		return nil, err
	}
	v, review, err := a.Rules.Publish(ctx, set, u, strings.TrimSpace(req.Reason))
	return a.published(ctx, v, set, review, u, err)
}

// publisher finds the DSL who publishes.
func (a *Admin) publisher(ctx context.Context, as, reason string) (model.User, error) {
	u, err := a.person(ctx, as)
	if err != nil {
		return u, err
	}
	if u.Duty != model.DutyDSL {
		return u, usagef("publishing rules: %s publishes them; --as gave a person with the duty %q", model.DutyDSL, u.Duty)
	}
	if strings.TrimSpace(reason) == "" {
		return u, usagef("publishing rules: --reason: say why; it is kept with the version")
	}
	return u, why("publishing rules", "--reason", reason)
}

func (a *Admin) published(ctx context.Context, v model.PolicyVersion, set model.RuleSet, review model.RuleReview, u model.User, err error) ([]RulesPublished, error) {
	if err != nil {
		return nil, usageError{err}
	}
	a.Changed()
	if review.Strange, err = a.Rules.Strange(ctx, set); err != nil {
		return nil, err
	}
	line := versionLine(v, u.Name)
	line.Review = &review
	if v.Proposal != "" {
		all, err := a.proposed(ctx)
		if err != nil {
			return nil, err
		}
		line = line.with(all[model.RuleVersion{Epoch: v.Epoch, Serial: v.Serial}])
	}
	return one(line), nil
}

func versionLine(v model.PolicyVersion, by string) RulesPublished {
	return RulesPublished{Epoch: v.Epoch, Serial: v.Serial, Issued: v.Issued.UTC(), By: by, Reason: v.Reason, KeyID: v.KeyID}
}

func (l RulesPublished) with(p ProposalLine) RulesPublished {
	l.Proposal, l.ProposedBy, l.Proposed, l.Necessity = p.Proposal, p.By, p.Reason, p.Necessity
	return l
}

// proposed are the proposals by the versions that they became.
func (a *Admin) proposed(ctx context.Context) (map[model.RuleVersion]ProposalLine, error) {
	all, err := a.Store.Proposals(ctx, a.School)
	if err != nil {
		return nil, err
	}
	became := map[model.RuleVersion]ProposalLine{}
	for _, p := range all {
		if p.State == model.ProposalPublished {
			became[model.RuleVersion{Epoch: p.Epoch, Serial: p.Serial}] = a.proposalLine(ctx, p)
		}
	}
	return became, nil
}

func (a *Admin) rulesRollback(ctx context.Context, req RulesDecide) ([]RulesPublished, error) {
	u, err := a.publisher(ctx, req.As, req.Reason)
	if err != nil {
		return nil, err
	}
	to, ok := a.Rules.ParseVersion(req.Name)
	if !ok {
		return nil, usagef("rolling back: %q is no serial: want 3 or 1.3; `rules history` lists them", req.Name)
	}
	set, err := a.side(ctx, RulesSide{Name: req.Name})
	if err != nil {
		return nil, err
	}
	ctx = a.by(ctx, u)
	v, review, err := a.Rules.Rollback(ctx, to, u, strings.TrimSpace(req.Reason))
	return a.published(ctx, v, set, review, u, err)
}
