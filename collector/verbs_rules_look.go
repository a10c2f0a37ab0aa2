package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/cli"
)

func rulesHistoryVerb() cli.Command {
	return adminVerb{
		name: "rules history", short: "Show which rules were published, when, by whom and why.", call: "rules/history",
		example: "safelight-collector rules history", request: nothing,
		say: sayAs("%d.%d\t%s\t%s\t%s\n", func(d admin.RulesPublished) []any {
			by := d.By
			if d.ProposedBy != "" {
				by += ", proposed by " + d.ProposedBy
			}
			return []any{d.Epoch, d.Serial, when(d.Issued), by, strings.ReplaceAll(d.Reason, "\n", " ")}
		}),
	}.command()
}

func rulesShowVerb() cli.Command {
	return cli.Command{
		Name: "rules show", Args: "SERIAL|PROPOSAL|in-force [--into FOLDER]",
		Short:   "Show who published or proposed rules, why, and what they changed; --into writes their files.",
		Example: "safelight-collector rules show in-force --into rules",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			into := fs.String("into", "", "a new folder for the files of the rules")
			asJSON := fs.Bool("json", false, "print JSON, with the files")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one serial, proposal or in-force")
				}
				client, done, err := adminClient(ctx, dir)
				if err != nil {
					return err
				}
				defer done()
				var d admin.RulesShown
				if err := callOne(ctx, client, "rules/show", admin.Named{Name: strings.Replace(args[0], "p-", "P-", 1)}, &d); err != nil {
					return err
				}
				if *into != "" {
					if err := writeRules(*into, d.Files); err != nil {
						return err
					}
				}
				if *asJSON {
					return json.NewEncoder(env.Stdout).Encode(d)
				}
				return sayShown(env.Stdout, d, *into)
			}
		},
	}
}

func sayShown(w io.Writer, d admin.RulesShown, into string) error {
	if d.Serial > 0 {
		fmt.Fprintf(w, "Rules %d.%d, published %s by %s: %s\n", d.Epoch, d.Serial, when(d.Issued), d.By, d.Reason)
	}
	if d.Proposal != "" {
		fmt.Fprintf(w, "%s, proposed by %s: %s\n", d.Proposal, d.ProposedBy, d.Proposed)
	}
	if d.Necessity != "" {
		fmt.Fprintf(w, "Needed because: %s\n", d.Necessity)
	}
	if d.Review != nil {
		fmt.Fprintf(w, "Compared with %s, it:\n", d.Review.From)
		if err := sayReview(w, *d.Review); err != nil {
			return err
		}
	}
	if into != "" {
		_, err := fmt.Fprintf(w, "Wrote %d files into %s\n", len(d.Files), into)
		return err
	}
	_, err := fmt.Fprintf(w, "%d files; --into FOLDER writes them.\n", len(d.Files))
	return err
}

// writeRules writes rules into a new folder. Their names come from a database:
// what would leave the folder is refused.
func writeRules(into string, files map[string]string) error {
	if entries, err := os.ReadDir(into); err == nil && len(entries) > 0 {
		return fmt.Errorf("writing rules into %s: it is not empty: name a new folder", into)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing rules into %s: %w", into, err)
	}
	for _, name := range sortedNames(files) {
		if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) || !slices.Contains([]string{".yaml", ".txt"}, path.Ext(name)) {
			return fmt.Errorf("writing rules into %s: %q is no name of a file of rules: restore the store from a backup", into, name)
		}
		at := filepath.Join(into, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return fmt.Errorf("writing rules: %w", err)
		}
		if err := os.WriteFile(at, []byte(files[name]), 0o600); err != nil {
			return fmt.Errorf("writing rules: %w", err)
		}
	}
	return nil
}

func sortedNames(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func rulesDiffVerb() cli.Command {
	return adminVerb{
		name: "rules diff", args: "A [B]", call: "rules/diff",
		short:   "Say in plain words in what two sets of rules differ (folders, serials, proposals); with one, what it would change of the rules in force.",
		example: "safelight-collector rules diff 3 rules",
		request: func(*flag.FlagSet) func([]string) (any, error) {
			return func(args []string) (any, error) {
				if len(args) < 1 || len(args) > 2 {
					return nil, cli.Usagef("want one or two of: a folder, a serial, a proposal, in-force")
				}
				sides := []admin.RulesSide{{Name: "in-force"}}
				for _, arg := range args {
					side, err := sideOf(arg)
					if err != nil {
						return nil, err
					}
					sides = append(sides, side)
				}
				if len(args) == 1 { // from what is in force to it
					return admin.RulesDiff{From: sides[0], To: sides[1]}, nil
				}
				return admin.RulesDiff{From: sides[1], To: sides[2]}, nil
			}
		},
		say: func(w io.Writer, line json.RawMessage) error {
			r, err := decode[model.RuleReview](line)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "From %s to %s, it:\n", r.From, r.To)
			if err := sayReview(w, r); err != nil {
				return err
			}
			if r.Lowering || r.Widening {
				_, err = fmt.Fprintln(w, "To publish that takes two people: one proposes it, another publishes it.")
			}
			return err
		},
	}.command()
}
