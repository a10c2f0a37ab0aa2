package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"safelight/collector/model"
)

func (a *Admin) rulesHistory(ctx context.Context, _ Nothing) ([]RulesPublished, error) {
	versions, err := a.Store.PolicyHistory(ctx, a.School)
	if err != nil {
		return nil, fmt.Errorf("reading the history of rules: %w", err)
	}
	proposed, err := a.proposed(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]RulesPublished, 0, len(versions))
	for _, v := range versions {
		line := versionLine(v, a.nameOf(ctx, v.By))
		rows = append(rows, line.with(proposed[model.RuleVersion{Epoch: v.Epoch, Serial: v.Serial}]))
	}
	return rows, nil
}

// RulesShown is a version, what it changed, and its files.
type RulesShown struct {
	RulesPublished
	Files map[string]string `json:"files"`
}

func (a *Admin) rulesShow(ctx context.Context, req Named) ([]RulesShown, error) {
	set, err := a.Rules.Find(ctx, req.Name)
	if err != nil {
		return nil, usageError{err}
	}
	of, ok := a.Rules.ParseVersion(set.Name)
	if !ok {
		return a.showProposal(ctx, set)
	}
	before, err := a.Rules.Before(ctx, of)
	if err != nil {
		return nil, usageError{err}
	}
	history, err := a.rulesHistory(ctx, Nothing{})
	if err != nil {
		return nil, err
	}
	shown := RulesShown{Files: texts(set.Files)}
	for _, line := range history {
		if line.Epoch == of.Epoch && line.Serial == of.Serial {
			shown.RulesPublished = line
		}
	}
	return a.withReview(shown, before, set)
}

// showProposal shows a proposal as it would be published.
func (a *Admin) showProposal(ctx context.Context, set model.RuleSet) ([]RulesShown, error) {
	p, err := a.Store.Proposal(ctx, a.School, set.Name)
	if err != nil {
		return nil, err
	}
	before := model.RuleSet{Name: "nothing"}
	if p.BaseSerial > 0 {
		if before, err = a.Rules.Find(ctx, fmt.Sprintf("%d.%d", p.BaseEpoch, p.BaseSerial)); err != nil {
			return nil, usageError{err}
		}
	}
	return a.withReview(RulesShown{RulesPublished: RulesPublished{}.with(a.proposalLine(ctx, p)), Files: texts(set.Files)}, before, set)
}

func (a *Admin) withReview(shown RulesShown, before, set model.RuleSet) ([]RulesShown, error) {
	review, err := a.Rules.Compare(before, set)
	if err != nil {
		return nil, usageError{err}
	}
	shown.Review = &review
	return one(shown), nil
}

func texts(files map[string][]byte) map[string]string {
	all := map[string]string{}
	for name, data := range files {
		all[name] = string(data)
	}
	return all
}

// RulesDiff asks in what two sets of rules differ.
type RulesDiff struct {
	From RulesSide `json:"from"`
	To   RulesSide `json:"to"`
}

func (a *Admin) rulesDiff(ctx context.Context, req RulesDiff) ([]model.RuleReview, error) {
	from, err := a.side(ctx, req.From)
	if err != nil {
		return nil, err
	}
	to, err := a.side(ctx, req.To)
	if err != nil {
		return nil, err
	}
	review, err := a.Rules.Compare(from, to)
	if err != nil {
		return nil, usageError{err}
	}
	if review.Strange, err = a.Rules.Strange(ctx, to); err != nil {
		return nil, err
	}
	return one(review), nil
}

// RulesStrange is the answer of `rules check` where there is a collector to ask.
type RulesStrange struct {
	Strange []string `json:"strange"`
}

func (a *Admin) rulesStrange(ctx context.Context, req RulesSide) ([]RulesStrange, error) {
	set, err := a.side(ctx, req)
	if err != nil {
		return nil, err
	}
	lines, err := a.Rules.Strange(ctx, set)
	if err != nil {
		return nil, usageError{err}
	}
	return one(RulesStrange{append([]string{}, lines...)}), nil
}

// RulesExplain asks what rules that the collector holds make of something.
type RulesExplain struct {
	Name     string             `json:"name"` // as RulesSide's
	Question model.RuleQuestion `json:"question"`
}

func (a *Admin) rulesExplain(ctx context.Context, req RulesExplain) ([]model.RuleExplanation, error) {
	x, err := a.Rules.Explain(ctx, req.Name, req.Question)
	if err != nil {
		return nil, usagef("explaining: %w", err)
	}
	return one(x), nil
}

// RulesTry asks what rules would have done.
type RulesTry struct {
	RulesSide
	As    string    `json:"as,omitempty"`
	Since time.Time `json:"since"`
}

// rulesTry shows numbers to whoever is at the command line, and examples to a
// person who may see them. The look is on record before anything is read.
func (a *Admin) rulesTry(ctx context.Context, req RulesTry) ([]model.TrialResult, error) {
	var u model.User
	if req.As != "" {
		var err error
		if u, err = a.look(ctx, req.As, "trial"); err != nil {
			return nil, err
		}
		ctx = a.by(ctx, u)
	} else if err := a.Store.RecordAccess(ctx, model.Access{School: a.School, At: a.Now(), What: "trial", From: caller(ctx)}); err != nil {
		return nil, fmt.Errorf("recording who looks: %w", err)
	}
	set, err := a.side(ctx, req.RulesSide)
	if err != nil {
		return nil, err
	}
	r, err := a.Rules.Try(ctx, set, u, req.Since)
	if err != nil {
		return nil, usageError{err}
	}
	return one(r), nil
}

// TrialLine is a line of `rules trials`.
type TrialLine struct {
	Trial string    `json:"trial"`
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"`
	Rules string    `json:"rules"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

func (a *Admin) rulesTrials(ctx context.Context, _ Nothing) ([]TrialLine, error) {
	all, err := a.Rules.Trials(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]TrialLine, 0, len(all))
	for _, t := range all {
		line := TrialLine{Trial: t.ID, At: t.At.UTC(), Rules: t.Rules, Since: t.Since.UTC(), Until: t.Until.UTC()}
		if t.By != "" {
			line.By = a.nameOf(ctx, t.By)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (a *Admin) rulesTrial(ctx context.Context, req Named) ([]model.TrialResult, error) {
	r, err := a.Rules.TrialResult(ctx, req.Name)
	if err != nil {
		return nil, usageError{err}
	}
	return one(r), nil
}

// RulesSince asks for numbers since the month of a time.
type RulesSince struct {
	Since time.Time `json:"since"`
}

func (a *Admin) rulesPrecision(ctx context.Context, req RulesSince) ([]model.RulePrecision, error) {
	return a.Rules.Precision(ctx, req.Since)
}

// suggested are the duties that `rules suggestions` shows something: it holds
// pupils' words.
var suggested = []model.Duty{model.DutyDSL, model.DutyDeputy}

func (a *Admin) rulesSuggestions(ctx context.Context, req Look) ([]model.RuleSuggestion, error) {
	u, err := a.look(ctx, req.As, "suggestions")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(suggested, u.Duty) {
		return nil, usagef("suggesting what to allow: it shows words that pupils searched for, to %v; --as gave a person with the duty %q", suggested, u.Duty)
	}
	all, err := a.Rules.Suggestions(ctx, u)
	if err != nil {
		return nil, usageError{err}
	}
	return all, nil
}

// ruleVerbs are the verbs about rules.
func (a *Admin) ruleVerbs(mux *http.ServeMux) {
	handle(mux, "rules/propose", a.rulesPropose)
	handle(mux, "rules/proposals", reading(a, "rules", a.rulesProposals))
	handle(mux, "rules/withdraw", a.rulesWithdraw)
	handle(mux, "rules/publish", a.rulesPublish)
	handle(mux, "rules/rollback", a.rulesRollback)
	handle(mux, "rules/history", reading(a, "rules", a.rulesHistory))
	handle(mux, "rules/show", reading(a, "rules", a.rulesShow))
	handle(mux, "rules/strange", reading(a, "rules", a.rulesStrange))
	handle(mux, "rules/diff", reading(a, "rules", a.rulesDiff))
	handle(mux, "rules/explain", reading(a, "rules", a.rulesExplain))
	handle(mux, "rules/try", a.rulesTry)
	handle(mux, "rules/trials", reading(a, "rules", a.rulesTrials))
	handle(mux, "rules/trial", reading(a, "rules", a.rulesTrial))
	handle(mux, "rules/precision", reading(a, "precision", a.rulesPrecision))
	handle(mux, "rules/suggestions", a.rulesSuggestions)
}
