package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"safelight/collector/admin"
	"safelight/collector/policy"
	"safelight/internal/cli"
	"safelight/internal/packdir"
)

func rulesCheckVerb() cli.Command {
	return cli.Command{
		Name: "rules check", Args: "DIR", Short: "Check rules, run the tests they carry, and compare scopes with the school; nothing is published.",
		Example: "safelight-collector rules check packs",
		Flags: func(flags *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(flags)
			asJSON := flags.Bool("json", false, "print JSON, an object for each category")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one folder of rules")
				}
				if err := check(env, args[0], *asJSON); err != nil {
					return err
				}
				return checkScopes(ctx, env, dir, args[0])
			}
		},
	}
}

// checkScopes compares the scopes of rules with the roster, the hours and the sites of
// the collector in the state folder, where there is one, and warns on standard error.
func checkScopes(ctx context.Context, env cli.Env, dir *dirValue, folder string) error {
	files, err := packdir.Read(folder)
	if err != nil {
		return err
	}
	if named, err := policy.NamesOf(files); err != nil || !named {
		return err
	}
	client, done, err := adminClient(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) && dir.flag == "" {
		return nil // rules are written elsewhere too
	}
	if err != nil && dir.flag == "" {
		_, err = fmt.Fprintf(env.Stderr, "The scopes were not compared with the school's roster, hours and sites: %v\n", err)
		return err
	}
	if err != nil {
		return fmt.Errorf("comparing scopes with the school's roster, hours and sites: %w", err)
	}
	defer done()
	return client.Call(ctx, "rules/strange", admin.RulesSide{Name: folder, Files: files}, func(line json.RawMessage) error {
		d, err := decode[admin.RulesStrange](line)
		if err == nil && len(d.Strange) > 0 {
			_, err = io.WriteString(env.Stderr, strange(d.Strange))
		}
		return err
	})
}

type checkedCategory struct {
	Category string `json:"category"`
	Title    string `json:"title"`
	Purpose  string `json:"purpose"`
	Risk     string `json:"risk"`
	Severity string `json:"severity"`
}

func check(env cli.Env, dir string, asJSON bool) error {
	files, err := packdir.Read(dir)
	if err != nil {
		return err
	}
	set, err := policy.Check(files)
	if err != nil {
		problems := strings.Split(err.Error(), "\n")
		return fmt.Errorf("%d problems in %s:\n%w", len(problems), dir, err)
	}
	categories := set.Categories()
	if !asJSON {
		for _, p := range set.Packs() {
			fmt.Fprintf(env.Stdout, "pack %s, version %d\n", p.Name, p.Version)
		}
		_, err := fmt.Fprintf(env.Stdout, "%d categories, every test passes\n", len(categories))
		return err
	}
	enc := json.NewEncoder(env.Stdout)
	for _, c := range categories {
		if err := enc.Encode(checkedCategory{c.ID, c.Title, c.Purpose, c.Risk, c.Severity.String()}); err != nil {
			return err
		}
	}
	return nil
}
