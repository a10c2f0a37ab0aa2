package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"safelight/agent/daemon"
	"safelight/internal/cli"
)

// errNotHeard ends the verb with status 1.
var errNotHeard = errors.New("the collector has not heard of it: it will see a silent device")

func goodbyeVerb() cli.Command {
	return cli.Command{
		Name: "goodbye", Args: "[--dir D] --reason removed", Short: "Tell the collector that this agent is being removed; packages do.",
		Example: "safelight-agent goodbye --reason removed",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			reason := fs.String("reason", "", "why nothing will come from this device any more: removed")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				if *reason != "removed" {
					return cli.Usagef("--reason %q: want removed", *reason)
				}
				d, err := dir()
				if err != nil {
					return err
				}
				heard, err := daemon.Goodbye(ctx, d, *reason)
				if err != nil {
					return err
				}
				if !heard {
					return errNotHeard
				}
				_, err = fmt.Fprintln(env.Stdout, "The collector has heard that this agent is removed.")
				return err
			}
		},
	}
}
