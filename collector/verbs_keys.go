package main

import (
	"flag"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

func keyRotateVerb() cli.Command {
	return adminVerb{
		name: "key rotate", args: "root|issuing|policy [--use|--retire] [--recovery FILE] [--force]", call: "key/rotate",
		short:   "Replace a key without touching a device; root and retiring are steps of their own.",
		example: "safelight-collector key rotate policy --recovery /media/safe/recovery.key",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			use := fs.Bool("use", false, "with root: bring the announced one into use")
			retire := fs.Bool("retire", false, "stop accepting what the one before signed")
			recovery := fs.String("recovery", "", "with policy: the recovery key's file; by default recovery.key in the state folder")
			force := fs.Bool("force", false, "with --retire: though devices that have not followed must enrol again")
			return func(args []string) (any, error) {
				if len(args) != 1 || *use && *retire {
					return nil, cli.Usagef("want one of root, issuing or policy, and at most one of --use and --retire")
				}
				req := admin.KeyRotate{What: args[0], Recovery: *recovery, Force: *force}
				switch {
				case *use:
					req.Step = "use"
				case *retire:
					req.Step = "retire"
				}
				return req, nil
			}
		},
		say: sayDone,
	}.command()
}
