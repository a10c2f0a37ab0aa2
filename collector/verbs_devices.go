package main

import (
	"flag"
	"strings"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

func deviceListVerb() cli.Command {
	return adminVerb{
		name: "device list", args: "[--all]", short: "List devices: how each stands in the coverage ledger, and why.", call: "device/list",
		example: "safelight-collector device list --all --json",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			all := fs.Bool("all", false, "those too that are issued or expected and not enrolled")
			return func(args []string) (any, error) { return admin.DeviceList{All: *all}, cli.NoArgs(args) }
		},
		say: sayAs("%s\t%s\t%s\tlast seen %s\t%s\t%s\n", func(d admin.DeviceRow) []any {
			state := d.State
			if d.Revoked != nil {
				state += " " + when(*d.Revoked)
			}
			var why []string
			for _, w := range d.Why {
				why = append(why, w.Text)
			}
			return []any{d.ID, d.Name, d.Kind, whenOr(d.LastSeen, "never"), state, strings.Join(why, " ")}
		}),
	}.command()
}

func deviceImportVerb() cli.Command {
	return adminVerb{
		name: "device import", args: "FILE [--source S] [--kind K] [--site S] [--dry-run] [--accept-removals]", call: "device/import",
		short:   "Take over what the school issues from an export of device management (Intune, Jamf, Google, or a CSV file with a header).",
		example: "safelight-collector device import intune-devices.csv --dry-run",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var d admin.DeviceImport
			fs.StringVar(&d.Source, "source", "", "whose list it is; each source is one list, taken over whole (by default told by the headings: intune, jamf, google, else list)")
			fs.StringVar(&d.Kind, "kind", "", "of lines that say none: windows, chromebook, tablet, mac, linux, phone, guest or other")
			fs.StringVar(&d.Site, "site", "", "of lines that say none")
			fs.BoolVar(&d.DryRun, "dry-run", false, "say what would change, and change nothing")
			fs.BoolVar(&d.AcceptRemovals, "accept-removals", false, "take it though more than a fifth of the devices are not in it any more")
			return func(args []string) (any, error) {
				var err error
				d.Name, d.Data, err = fileOf(args, "CSV file", "devices")
				return d, err
			}
		},
		say: sayLines[admin.DeviceImported],
	}.command()
}

func deviceExpectVerb() cli.Command {
	return adminVerb{
		name: "device expect", args: "--kind K --count N [--site S] [--in-log]", call: "device/expect",
		short:   "Say how many devices there are of a kind that no export lists: tablets, Chromebooks, guests.",
		example: "safelight-collector device expect --kind guest --site main --count 20 --in-log",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var e admin.DeviceExpect
			fs.StringVar(&e.Kind, "kind", "", "windows, chromebook, tablet, mac, linux, phone, guest or other")
			fs.StringVar(&e.Site, "site", "", "where they are")
			fs.IntVar(&e.Count, "count", -1, "how many; 0 takes the number away")
			fs.BoolVar(&e.InLog, "in-log", false, "what they ask for stands in a log that a device follows (of a proxy, filter or DNS server)")
			return func(args []string) (any, error) {
				if e.Kind == "" || e.Count < 0 {
					return nil, cli.Usagef("want --kind K and --count N")
				}
				return e, cli.NoArgs(args)
			}
		},
		say: sayDone,
	}.command()
}

func deviceRevokeVerb() cli.Command {
	return adminVerb{
		name: "device revoke", args: "ID | --copies-of ID [--itself] [--dry-run]", call: "device/revoke",
		short:   "End a device's access at once, or that of all devices which came of its copies; what they sent stays.",
		example: "safelight-collector device revoke --copies-of abcdefghijklmnopqrstuvwxyz --dry-run",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var r admin.DeviceRevoke
			fs.StringVar(&r.CopiesOf, "copies-of", "", "the id of a device: revoke what came of its copies, copies of copies too")
			fs.BoolVar(&r.Itself, "itself", false, "with --copies-of: that device too")
			fs.BoolVar(&r.DryRun, "dry-run", false, "with --copies-of: name them, and change nothing")
			return func(args []string) (any, error) {
				if r.CopiesOf != "" {
					return r, cli.NoArgs(args)
				}
				if len(args) != 1 || r.Itself || r.DryRun {
					return nil, cli.Usagef("want one device id (`device list` shows them), or --copies-of ID")
				}
				r.Name = args[0]
				return r, nil
			}
		},
		say: sayLines[admin.DeviceRevoked],
	}.command()
}

func deviceSplitVerb() cli.Command {
	return adminVerb{
		name: "device split", args: "ID --more N", call: "device/split",
		short:   "Let more copies of a device become devices of their own than may by themselves, for a day: after an image was rolled out.",
		example: "safelight-collector device split abcdefghijklmnopqrstuvwxyz --more 300",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			more := fs.Int("more", 0, "how many more")
			return func(args []string) (any, error) {
				if len(args) != 1 || *more < 1 {
					return nil, cli.Usagef("want one device id (`device list` shows them) and --more N")
				}
				return admin.DeviceSplit{ID: args[0], More: *more}, nil
			}
		},
		say: sayDone,
	}.command()
}

func coverageVerb() cli.Command {
	return adminVerb{
		name: "coverage", short: "Say what of everything the school issues or admits is proven to be monitored.", call: "coverage",
		example: "safelight-collector coverage --json", request: nothing, say: sayLines[admin.Coverage],
	}.command()
}
