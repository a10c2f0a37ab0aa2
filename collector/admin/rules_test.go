package admin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/pki"
)

// packs stand for those that ship: two categories, and of the protected pack what
// every set of rules has to have.
func packs() map[string][]byte {
	files := map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [help.example]\n"),
		"ours/pack.yaml":      []byte("pack: ours\ntitle: Ours\nversion: 1\n"),
	}
	for id, head := range map[string]string{
		"gambling": "title: Gambling\nrisk: ordinary\nseverity: medium\n", "ai-companions": "title: AI companions\nrisk: high\nseverity: high\n",
	} {
		files["ours/"+id+".yaml"] = fmt.Appendf(nil, "category: %s\n%snoun: %[1]s\nabout: A test.\npurpose: safeguarding\nowner: DSL\nwhy: A test.\nfirst_steps: [See the child.]\ndomains: [%[1]s.test]\n"+
			"phrases: [{id: p-1, text: words of %[1]s}]\ntests: {hit: [{domain: %[1]s.test}], miss: [{domain: fine.test}, other words]}\n", id, head)
	}
	return files
}

// withRules gives the house the real way of a change, over its own store.
func (h *house) withRules() map[string][]byte {
	h.t.Helper()
	shipped := packs()
	key, err := pki.NewPolicyKey()
	must(h.t, err)
	p, err := policy.NewPublisher(h.t.Context(), school, key, shipped, h.store.Store, func() time.Time { return noon.Add(time.Hour) })
	must(h.t, err)
	h.workflow.Rules = policy.NewWorkflow(p, shipped, watchedRules{h.store.Store, h.store})
	return shipped
}

// watchedRules notes when pupils' events are read for rules.
type watchedRules struct {
	policy.WorkflowStore
	watched *watchedStore
}

func (s watchedRules) TrialEvents(ctx context.Context, id model.SchoolID, u model.User, since, until time.Time, from model.TrialCursor, limit int) ([]model.TrialEvent, model.TrialCursor, error) {
	s.watched.did = append(s.watched.did, "read trial")
	return s.WorkflowStore.TrialEvents(ctx, id, u, since, until, from, limit)
}

func (s watchedRules) EachUnfounded(ctx context.Context, id model.SchoolID, u model.User, each func(string, model.Event) error) error {
	s.watched.did = append(s.watched.did, "read suggestions")
	return s.WorkflowStore.EachUnfounded(ctx, id, u, each)
}

func TestG03ATrialAndSuggestionsAreRecordedBeforeAnythingIsRead(t *testing.T) {
	h := newHouse(t)
	files := h.withRules()
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	one[admin.RulesPublished](h, "rules/publish", admin.RulesPublish{Files: files, As: "Demo DSL", Reason: "first"})
	try := admin.RulesTry{RulesSide: admin.RulesSide{Name: "in-force"}, As: dsl.Token, Since: noon.Add(-24 * time.Hour)}
	one[model.TrialResult](h, "rules/try", try)
	_, err := h.ask("rules/suggestions", admin.Look{As: dsl.Token})
	must(t, err)
	want := []string{"record trial", "read trial", "record suggestions", "read suggestions"}
	if !reflect.DeepEqual(h.store.did, want) {
		t.Errorf("it did %v, want %v", h.store.did, want)
	}
	h.store.access = func(model.Access) error { return errors.New("disk full") }
	for verb, req := range map[string]any{"rules/try": try, "rules/suggestions": admin.Look{As: dsl.Token}} {
		lines, err := h.ask(verb, req)
		wantError(t, err, "recording who looks", "disk full")
		if lines != nil {
			t.Errorf("%s showed %v", verb, lines)
		}
	}
}

func TestG07TheSamePersonWithTokenAndNameIsRefused(t *testing.T) {
	h := newHouse(t)
	files := h.withRules()
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	h.user("Demo IT", model.DutyIT, "")
	one[admin.RulesPublished](h, "rules/publish", admin.RulesPublish{Files: files, As: "Demo DSL", Reason: "first"})
	lower := maps.Clone(files)
	delete(lower, "ours/ai-companions.yaml") // of high risk
	p := one[admin.RulesProposed](h, "rules/propose", admin.RulesPropose{RulesSide: admin.RulesSide{Name: "rules", Files: lower}, As: "Demo DSL", Reason: "calmer"})
	if !p.Review.Lowering || !strings.HasPrefix(p.Review.Changes[0].Text, "drops the category AI companions") {
		t.Errorf("proposed %+v", p)
	}
	for _, as := range []string{dsl.Token, "Demo DSL"} {
		_, err := h.ask("rules/publish", admin.RulesPublish{Name: p.Proposal, As: as, Reason: "calmer"})
		wantError(t, err, p.Proposal, "Demo DSL proposed it", "somebody else")
	}
	_, err := h.ask("rules/publish", admin.RulesPublish{Name: p.Proposal, As: "Demo IT", Reason: "calmer"})
	wantError(t, err, "dsl publishes them")
	h.user("Demo Other", model.DutyDSL, "")
	v := one[admin.RulesPublished](h, "rules/publish", admin.RulesPublish{Name: p.Proposal, As: "Demo Other", Reason: "agreed"})
	if v.Serial != 2 || v.ProposedBy != "Demo DSL" || v.By != "Demo Other" || v.Proposed != "calmer" || v.Review == nil {
		t.Errorf("published %+v", v)
	}
}

func TestG03ITIsShownNoWordsOfATrial(t *testing.T) {
	h := newHouse(t)
	files := h.withRules()
	h.user("Demo DSL", model.DutyDSL, "")
	it := h.user("Demo IT", model.DutyIT, "")
	h.alertAbout("pupil14")
	one[admin.RulesPublished](h, "rules/publish", admin.RulesPublish{Files: files, As: "Demo DSL", Reason: "first"})
	more := maps.Clone(files)
	more["mine/pack.yaml"] = []byte("pack: mine\ntitle: Mine\nversion: 1\n")
	more["mine/more.yaml"] = []byte("extends: gambling\nowner: DSL\nwhy: A test.\ndomains: [flagged.test]\ntests: {hit: [{domain: flagged.test}], miss: [{domain: fine.test}]}\n")
	try := admin.RulesTry{RulesSide: admin.RulesSide{Name: "rules", Files: more}, Since: noon.Add(-24 * time.Hour)}
	for _, as := range []string{"", it.Token, "Demo IT"} {
		try.As = as
		if r := one[model.TrialResult](h, "rules/try", try); r.Examples != nil || r.Judged != nil {
			t.Errorf("as %q it shows %+v", as, r)
		}
	}
	try.As = "Demo DSL"
	r := one[model.TrialResult](h, "rules/try", try)
	if r.Change == "none" || len(r.Examples) != 1 || r.Examples[0].Name != "flagged.test" || r.Examples[0].Change != "new" {
		t.Errorf("the DSL is shown %+v", r)
	}
}

func TestWhatPeopleWriteBesideAChangeIsBounded(t *testing.T) {
	h := newHouse(t)
	files := h.withRules()
	h.user("Demo DSL", model.DutyDSL, "")
	for _, reason := range []string{strings.Repeat("x", 1001), "a\x1b[2J", " "} {
		_, err := h.ask("rules/publish", admin.RulesPublish{Files: files, As: "Demo DSL", Reason: reason})
		wantError(t, err, "--reason")
	}
	_, err := h.ask("rules/propose", admin.RulesPropose{RulesSide: admin.RulesSide{Files: files}, As: "Demo DSL", Reason: "x", Necessity: strings.Repeat("x", 1001)})
	wantError(t, err, "--necessity")
}

func TestAnAlertSaysWhatItCameTo(t *testing.T) {
	h := newHouse(t)
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	ref := h.alertAbout("pupil14")
	if line := one[admin.AlertLine](h, "alerts", admin.Look{As: dsl.Token}); line.Outcome != nil {
		t.Errorf("undecided it says %q", *line.Outcome)
	}
	must(t, h.store.SetOutcome(t.Context(), school, ref, dsl.ID, model.OutcomeNoConcern, "talked to", noon))
	if line := one[admin.AlertLine](h, "alerts", admin.Look{As: dsl.Token}); line.Outcome == nil || *line.Outcome != "no_concern" {
		t.Errorf("it says %v", line.Outcome)
	}
}
