package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strconv"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/cli"
)

func rulesTryVerb() cli.Command {
	return adminVerb{
		name: "rules try", args: "DIR|SERIAL|PROPOSAL --since 30d --as WHO", call: "rules/try",
		short:   "Judge the stored events again by rules that are not in force, and compare; nothing is published.",
		example: `safelight-collector rules try rules --since 30d --as "Demo DSL"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "who tries (a trial school needs nobody): whoever may see pupils' alerts is shown examples too")
			from := since(fs)
			return func(args []string) (any, error) {
				t, err := from()
				if err != nil {
					return nil, err
				}
				if len(args) != 1 || t.IsZero() {
					return nil, cli.Usagef("want one folder of rules, serial or proposal, and --since 30d")
				}
				side, err := sideOf(args[0])
				return admin.RulesTry{RulesSide: side, As: *as, Since: t}, err
			}
		},
		say: sayTrial,
	}.command()
}

// number is a number, or that it is withheld.
func number(n *int64) string {
	if n == nil {
		return "withheld"
	}
	return strconv.FormatInt(*n, 10)
}

// fewOrNone stands for a number of a trial that is of few pupils or of none.
const fewOrNone = "few or none"

func tried(n *int64) string {
	if n == nil {
		return fewOrNone
	}
	return number(n)
}

func rate(n *float64) string {
	if n == nil {
		return fewOrNone
	}
	return strconv.FormatFloat(*n, 'f', 1, 64)
}

func sayTrial(w io.Writer, line json.RawMessage) error {
	r, err := decode[model.TrialResult](line)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Trial %s: %s beside the rules in force (%s), events received from %s to %s\n", r.ID, r.Rules, r.Today, when(r.Since), when(r.Until))
	fmt.Fprintf(w, "%s\n\n", changeWords[r.Change])
	fmt.Fprintf(w, "\tthen\ttoday\ttried\tnew\tgone\n")
	row := func(name string, t model.TrialRow) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, tried(t.Then), tried(t.Today), tried(t.Proposed), tried(t.New), tried(t.Gone))
	}
	row("alerts", r.Total)
	fmt.Fprintf(w, "a day\t%s\t%s\t%s\t\t\n", rate(r.PerDay.Then), rate(r.PerDay.Today), rate(r.PerDay.Proposed))
	for _, t := range r.ByCategory {
		row(t.Title, t)
	}
	for _, t := range r.ByYear {
		row("year "+t.Name, t)
	}
	for _, t := range r.BySeverity {
		row(t.Name, t)
	}
	fmt.Fprintln(w)
	for _, e := range r.Examples {
		fmt.Fprintf(w, "%s\n", exampleWords(e))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "Note: %s\n", n)
	}
	return nil
}

var changeWords = map[string]string{
	"none":     "These are the rules in force.",
	"more":     "The rules tried would raise more alerts than today's; what they would no longer raise is of few pupils, or nothing.",
	"fewer":    "The rules tried would raise fewer alerts than today's; what they would raise anew is of few pupils, or nothing.",
	"both":     "The rules tried would raise some alerts that today's do not, and not raise some that today's do.",
	"withheld": "The rules tried would raise the same alerts as today's, or others of few pupils: which of the two is withheld.",
}

func exampleWords(e model.TrialExample) string {
	why := func(r *model.TrialReason) string {
		if r == nil {
			return "nothing"
		}
		return fmt.Sprintf("%s, %s (%s matched %q)", r.Category, r.Severity, r.Rule, r.Match)
	}
	return fmt.Sprintf("%s: %s, %s %q: today %s; tried %s", e.Change, when(e.Time), e.Kind, e.Name, why(e.Today), why(e.Proposed))
}

func rulesTrialsVerb() cli.Command {
	list := adminVerb{
		name: "rules trials", args: "[TRIAL]", call: "rules/trials",
		short:   "List the trials of the last 90 days, or show the numbers of one.",
		example: "safelight-collector rules trials T-7KQ2M4XT",
		request: func(*flag.FlagSet) func([]string) (any, error) {
			return func(args []string) (any, error) {
				switch len(args) {
				case 0:
					return admin.Nothing{}, nil
				case 1:
					return admin.Named{Name: args[0]}, nil
				}
				return nil, cli.Usagef("want one trial at most")
			}
		},
		say: func(w io.Writer, line json.RawMessage) error {
			r, err := decode[model.TrialResult](line)
			if err == nil && r.Notes != nil { // a trial, not a line of the list
				return sayTrial(w, line)
			}
			return sayAs("%s\t%s\t%s\t%s\n", func(d admin.TrialLine) []any { return []any{d.Trial, when(d.At), d.By, d.Rules} })(w, line)
		},
	}
	list.callFor = func(req any) string {
		if _, one := req.(admin.Named); one {
			return "rules/trial"
		}
		return list.call
	}
	return list.command()
}

func rulesPrecisionVerb() cli.Command {
	return adminVerb{
		name: "rules precision", args: "[--since 90d]", call: "rules/precision",
		short:   "Show how often each rule's alerts were what they looked like.",
		example: "safelight-collector rules precision --since 90d",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			from := since(fs)
			return func(args []string) (any, error) {
				t, err := from()
				if err != nil {
					return nil, err
				}
				return admin.RulesSince{Since: t}, cli.NoArgs(args)
			}
		},
		say: sayAs("%s\t%s alerts\t%s\t%s not what it looked like\t%s no concern\t%s upheld\n", func(d model.RulePrecision) []any {
			share := "withheld"
			if d.Precision != nil {
				share = fmt.Sprintf("%.0f%% true", 100**d.Precision)
			}
			return []any{d.Rule, number(d.Alerts), share, number(d.Unfounded), number(d.NoConcern), number(d.Upheld)}
		}),
	}.command()
}

func rulesSuggestionsVerb() cli.Command {
	return adminVerb{
		name: "rules suggestions", args: "--as WHO", call: "rules/suggestions",
		short:   "Suggest what to allow, from alerts that were not what they looked like; the look is recorded.",
		example: `safelight-collector rules suggestions --as "Demo DSL"`, request: look,
		say: sayAs("%s\t%s\t%d alerts\t%s\t%s\n", func(d model.RuleSuggestion) []any {
			people := "one person may publish it"
			if d.TwoPeople {
				people = "takes two people"
			}
			return []any{d.Title, d.Write, d.Alerts, "quiets " + d.Rule, people}
		}),
	}.command()
}
