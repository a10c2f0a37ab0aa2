package main

import (
	"flag"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

func retentionRunVerb() cli.Command {
	return adminVerb{
		name: "retention run", args: "[--dry-run]", call: "retention/run",
		short:   "Remove a trial's data received over 30 days ago; `serve` does so daily.",
		example: "safelight-collector retention run --dry-run",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			dry := fs.Bool("dry-run", false, "count what would go, and remove nothing")
			return func(args []string) (any, error) { return admin.RetentionRun{DryRun: *dry}, cli.NoArgs(args) }
		},
		say: sayAs("%s %s.\n", func(d admin.RetentionRan) []any {
			did := "Removed"
			if d.DryRun {
				did = "Would remove"
			}
			return []any{did, d.Removed.String()}
		}),
	}.command()
}
