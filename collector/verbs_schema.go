package main

import (
	"context"
	"flag"

	"safelight/internal/cli"
	"safelight/internal/packdir"
)

// rulesSchemaVerb prints what an editor completes and checks rule files by.
func rulesSchemaVerb() cli.Command {
	return cli.Command{
		Name: "rules schema", Short: "Print the JSON Schema of rule files, for editors.",
		Example: "safelight-collector rules schema > rules.schema.json",
		Flags: func(*flag.FlagSet) func(context.Context, cli.Env, []string) error {
			return func(_ context.Context, env cli.Env, args []string) error {
				if len(args) != 0 {
					return cli.Usagef("want no arguments")
				}
				_, err := env.Stdout.Write(packdir.Schema())
				return err
			}
		},
	}
}
