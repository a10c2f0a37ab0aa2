package main

import (
	"context"
	"flag"
	"fmt"

	"safelight/internal/cli"
	"safelight/internal/packdir"
)

func rulesUnpackVerb() cli.Command {
	return cli.Command{
		Name: "rules unpack", Args: "DIR", Short: "Write the starter rules that come with this program into a folder, to publish and to change.",
		Example: "safelight-collector rules unpack rules",
		Flags: func(*flag.FlagSet) func(context.Context, cli.Env, []string) error {
			return func(_ context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one folder to write them into")
				}
				if err := packdir.Unpack(args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(env.Stdout, "The starter rules are in %[1]s. Next: look at them, then `safelight-collector rules publish %[1]s`.\n", args[0])
				return err
			}
		},
	}
}
