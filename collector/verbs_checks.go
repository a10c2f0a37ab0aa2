package main

import (
	"flag"
	"time"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

const checkAs = "who: a sign-in token, or in a trial school a trial user's name"

func checkListVerb() cli.Command {
	return adminVerb{
		name: "check list", args: "[--week 2026-W47]", short: "Show a week's check: every device, what people wrote, who signed.", call: "check/list",
		example: "safelight-collector check list --json",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var req admin.CheckList
			fs.StringVar(&req.Week, "week", "", "a week such as 2026-W47; by default this one")
			return func(args []string) (any, error) { return req, cli.NoArgs(args) }
		},
		say: sayLines[admin.CheckWeekRow],
	}.command()
}

func checkRecordVerb() cli.Command {
	return adminVerb{
		name: "check record", args: "--as WHO --kind K --what W [--worked] [--group G --account A] [--told WHO] [--found F] [--done D]", call: "check/record",
		short:   "Write on a week's check: the filter or monitoring tried by hand, what staff said, what was done.",
		example: `safelight-collector check record --as "Demo IT" --kind filter --what "The maker's test page" --group pupils --account test.pupil --told "Demo Filter Owner" --worked`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var req admin.CheckWrite
			fs.StringVar(&req.As, "as", "", checkAs)
			fs.StringVar(&req.Week, "week", "", "a week such as 2026-W47; by default this one")
			fs.StringVar(&req.Kind, "kind", "", "filter, monitor, feedback or action")
			fs.StringVar(&req.What, "what", "", "what was tried; of feedback, who was asked; of an action, about what")
			fs.StringVar(&req.Group, "group", "", "the kind of accounts it was tried as: pupils, staff or guests; left out: as the service itself")
			fs.StringVar(&req.Account, "account", "", "the test account that it was tried with; never a pupil's")
			fs.StringVar(&req.Site, "site", "", "where")
			fs.BoolVar(&req.Worked, "worked", false, "it did what it should")
			fs.StringVar(&req.Told, "told", "", "of the filter: who answers for it and was told beforehand")
			fs.StringVar(&req.Found, "found", "", "what was found or said")
			fs.StringVar(&req.Done, "done", "", "what was done about it, or who will by when")
			return func(args []string) (any, error) {
				if req.As == "" || req.Kind == "" || req.What == "" {
					return nil, cli.Usagef("want --as WHO, --kind K and --what W")
				}
				return req, cli.NoArgs(args)
			}
		},
		say: sayLines[admin.CheckRecordRow],
	}.command()
}

func checkSignVerb() cli.Command {
	return adminVerb{
		name: "check sign", args: "--as WHO [--week 2026-W47] [--note N]", short: "Sign a week's check, for IT or for safeguarding: two people.", call: "check/sign",
		example: `safelight-collector check sign --as "Demo DSL"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var req admin.CheckSign
			fs.StringVar(&req.As, "as", "", checkAs)
			fs.StringVar(&req.Week, "week", "", "a week such as 2026-W47; by default this one")
			fs.StringVar(&req.Note, "note", "", "what to remember of it")
			return func(args []string) (any, error) {
				if req.As == "" {
					return nil, cli.Usagef("want --as WHO")
				}
				return req, cli.NoArgs(args)
			}
		},
		say: sayLines[admin.SignatureRow],
	}.command()
}

func checkRequestVerb() cli.Command {
	return adminVerb{
		name: "check request", args: "[--within 10m]", short: "Have every device check itself now, each at a moment of its own.", call: "check/request",
		example: "safelight-collector check request --within 5m",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			within := fs.Duration("within", 0, "over how long the devices are spread, up to an hour; by default as their number takes, 8 minutes at most")
			return func(args []string) (any, error) {
				return admin.CheckRequest{WithinSeconds: int(*within / time.Second)}, cli.NoArgs(args)
			}
		},
		say: sayLines[admin.RequestRow],
	}.command()
}
