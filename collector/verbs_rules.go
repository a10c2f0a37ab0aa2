package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"

	"safelight/collector/policy"
	"safelight/internal/cli"
	"safelight/internal/packdir"
)

func rulesCheckVerb() cli.Command {
	return cli.Command{
		Name: "rules check", Args: "DIR", Short: "Check rules and run the tests they carry; nothing is published.",
		Example: "safelight-collector rules check packs",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			asJSON := fs.Bool("json", false, "print JSON, an object for each category")
			return func(_ context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one folder of rules")
				}
				return check(env, args[0], *asJSON)
			}
		},
	}
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
