package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/cli"
	"safelight/internal/event"
)

func rulesExplainVerb() cli.Command {
	return cli.Command{
		Name: "rules explain", Args: "[--rules DIR|SERIAL|PROPOSAL] [--role R] KIND TEXT",
		Short:   "Say what rules make of a domain, a search or a process, and why; the rules in force if none are named.",
		Example: `safelight-collector rules explain --rules rules search "to kill a mockingbird"`,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			of := fs.String("rules", "in-force", "a folder of rules, a serial or a proposal")
			question := questionFlags(fs)
			asJSON := fs.Bool("json", false, "print JSON")
			return func(ctx context.Context, env cli.Env, args []string) error {
				q, err := question(args)
				if err != nil {
					return err
				}
				x, err := explain(ctx, dir, *of, q)
				if err != nil {
					return err
				}
				if *asJSON {
					enc := json.NewEncoder(env.Stdout)
					enc.SetEscapeHTML(false)
					return enc.Encode(x)
				}
				return sayExplanation(env.Stdout, x)
			}
		},
	}
}

// questionFlags declares what is asked, and of whom.
func questionFlags(fs *flag.FlagSet) func(args []string) (model.RuleQuestion, error) {
	q := model.RuleQuestion{}
	fs.StringVar(&q.Role, "role", "pupil", "whose scope judges: pupil, staff, contractor ...")
	fs.StringVar(&q.Year, "year", "", "the person's year group")
	fs.StringVar(&q.Site, "site", "", "the site they are at")
	fs.StringVar(&q.Premises, "premises", "", "whether the device is on or off the premises")
	fs.StringVar(&q.Exe, "exe", "", "a program's path")
	fs.BoolVar(&q.Unreviewed, "unreviewed", false, "also judge by languages that no speaker has reviewed")
	groups := fs.String("group", "", "the groups the person is in, with commas between")
	periods := fs.String("period", "", "what the timetable says: lesson, break, out-of-hours ..., with commas between")
	at := fs.String("at", "", "the time to judge at (2026-11-21T10:41:00Z); now, if left out")
	return func(args []string) (model.RuleQuestion, error) {
		if len(args) < 2 {
			return q, cli.Usagef("want a kind (domain, search or process) and a text")
		}
		if !slices.Contains([]event.Kind{event.Domain, event.Search, event.Process}, event.Kind(args[0])) {
			return q, cli.Usagef("the kind %q: want domain, search or process", args[0])
		}
		q.Kind, q.Text, q.At = args[0], strings.Join(args[1:], " "), time.Now()
		q.Groups, q.Periods = splitWords(*groups), splitWords(*periods)
		if *at != "" {
			t, err := time.Parse(time.RFC3339, *at)
			if err != nil {
				return q, cli.Usagef("--at %q: want a time like 2026-11-21T10:41:00Z", *at)
			}
			q.At = t
		}
		return q, nil
	}
}

// splitWords splits at commas alone: names of groups and periods may have spaces.
func splitWords(s string) (out []string) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// explain asks a folder's rules here, and others of the collector.
func explain(ctx context.Context, dir *dirValue, of string, q model.RuleQuestion) (x model.RuleExplanation, err error) {
	side, err := sideOf(of)
	if err != nil {
		return x, err
	}
	if side.Files != nil {
		x, err = policy.Explain(model.RuleSet(side), q)
		if err != nil {
			err = fmt.Errorf("explaining: %w", err)
		}
		return x, err
	}
	client, done, err := adminClient(ctx, dir)
	if err != nil {
		return x, err
	}
	defer done()
	return x, callOne(ctx, client, "rules/explain", admin.RulesExplain{Name: side.Name, Question: q}, &x)
}

func sayExplanation(w io.Writer, x model.RuleExplanation) error {
	var out strings.Builder
	fmt.Fprintf(&out, "By the rules of %s. %s\n", x.Rules, x.Says)
	if x.Why != "" {
		fmt.Fprintf(&out, "%s\n", x.Why)
	}
	if x.Raised != "" {
		fmt.Fprintf(&out, "Graver: %s\n", x.Raised)
	}
	if x.Help {
		out.WriteString("The words also ask for help.\n")
	}
	for _, f := range x.Findings {
		fmt.Fprintf(&out, "  %s\n", f.Says)
	}
	for _, n := range x.NotSeen {
		fmt.Fprintf(&out, "Not seen: %s\n", n)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
