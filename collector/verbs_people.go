package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

func rosterImportVerb() cli.Command {
	return adminVerb{
		name: "roster import", args: "FILE [--dry-run] [--accept-removals]", call: "roster/import",
		short:   "Take over who is who from one CSV file, everybody in it: account, name, role, year, key stage, groups, site, connections, reference.",
		example: "safelight-collector roster import everybody.csv --dry-run",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			dry := fs.Bool("dry-run", false, "say what would change, and change nothing")
			accept := fs.Bool("accept-removals", false, "take it though more than a fifth of the accounts are not in it any more")
			return func(args []string) (any, error) {
				name, data, err := fileOf(args, "CSV file", "roster")
				return admin.RosterImport{Name: name, Data: data, DryRun: *dry, AcceptRemovals: *accept}, err
			}
		},
		say: sayLines[admin.RosterImported],
	}.command()
}

func timetableImportVerb() cli.Command {
	return adminVerb{
		name: "timetable import", args: "FILE [--as WHO --reason WHY]", call: "timetable/import",
		short:   "Take over the school's hours from YAML or CSV: periods, terms, holidays, inset days, of each site.",
		example: "safelight-collector timetable import bells.yaml",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			by := placeBy(fs)
			return func(args []string) (any, error) {
				name, data, err := fileOf(args, "YAML or CSV file", "timetable")
				return admin.TimetableImport{Name: name, Data: data, PlaceBy: *by}, err
			}
		},
		say: sayLines[admin.TimetableImported],
	}.command()
}

func siteListVerb() cli.Command {
	return adminVerb{
		name: "site list", short: "List the school's sites and their networks.", call: "site/list",
		example: "safelight-collector site list", request: nothing, say: sayLines[admin.SiteRow],
	}.command()
}

func siteSetVerb() cli.Command {
	return adminVerb{
		name: "site set", args: "NAME [--network CIDR,...] [--resolver DOMAIN,...] [--unfiltered] [--remove] [--as WHO --reason WHY]", call: "site/set",
		short:   "Add or change a site: the networks by which a device knows that it is on its premises, and whether it has no filter.",
		example: "safelight-collector site set manor --network 10.20.0.0/16 --resolver manor.school.example --unfiltered",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			networks := fs.String("network", "", "addresses from which its devices come, separated by commas")
			resolvers := fs.String("resolver", "", "domains that its network hands out, separated by commas; where given, one must fit too")
			unfiltered := fs.Bool("unfiltered", false, "it has no filter: what is flagged there says so")
			remove := fs.Bool("remove", false, "remove it")
			by := placeBy(fs)
			return func(args []string) (any, error) {
				if len(args) != 1 {
					return nil, cli.Usagef("want one site's name")
				}
				return admin.SiteSet{Name: args[0], Networks: commas(*networks), Resolvers: commas(*resolvers), Unfiltered: *unfiltered, Remove: *remove, PlaceBy: *by}, nil
			}
		},
		say: sayLines[admin.SiteRow],
	}.command()
}

// placeBy declares who changes hours or places.
func placeBy(fs *flag.FlagSet) *admin.PlaceBy {
	by := &admin.PlaceBy{}
	fs.StringVar(&by.As, "as", "", "who: a sign-in token, or in a trial school a trial user's name; needed where rules go by what changes, which takes two people")
	fs.StringVar(&by.Reason, "reason", "", "why; kept on record")
	return by
}

func commas(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

const leaveAs = "who: a sign-in token, or in a trial school a trial user's name"

func exemptionGrantVerb() cli.Command {
	return adminVerb{
		name: "exemption grant", args: "--as WHO --class GROUP --category C --until bell|TIME --reason WHY", call: "exemption/grant",
		short:   "Give a class leave from one category until the bell; longer, at most 24 hours, takes the DSL.",
		example: `safelight-collector exemption grant --as "Demo Teacher" --class 10b-english --category social-media --until bell --reason "Media lesson"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var e admin.ExemptionGrant
			fs.StringVar(&e.As, "as", "", leaveAs)
			fs.StringVar(&e.Class, "class", "", "a group of the roster, never one person")
			fs.StringVar(&e.Category, "category", "", "social-media, games, ai-assistants or video")
			fs.StringVar(&e.Until, "until", "bell", "bell, a time of today like 14:05, or one like 2026-11-22T14:05:00Z")
			fs.StringVar(&e.Site, "site", "", "the site whose bell is meant; by default the school's")
			fs.StringVar(&e.Reason, "reason", "", "what the class needs it for; it is kept")
			return func(args []string) (any, error) {
				if e.As == "" || e.Class == "" || e.Category == "" || strings.TrimSpace(e.Reason) == "" {
					return nil, cli.Usagef("want --as WHO, --class GROUP, --category C and --reason WHY")
				}
				return e, cli.NoArgs(args)
			}
		},
		say: sayLines[admin.ExemptionRow],
	}.command()
}

func exemptionListVerb() cli.Command {
	return adminVerb{
		name: "exemption list", args: "[--since T]", short: "List leave that is in force, or was since a time.", call: "exemption/list",
		example: "safelight-collector exemption list --since 168h",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			from := since(fs)
			return func(args []string) (any, error) {
				t, err := from()
				if err != nil {
					return nil, err
				}
				return admin.ExemptionList{Since: t}, cli.NoArgs(args)
			}
		},
		say: sayLines[admin.ExemptionRow],
	}.command()
}

func exemptionEndVerb() cli.Command {
	return adminVerb{
		name: "exemption end", args: "ID --as WHO", short: "End leave before its time; connected devices know within a second.", call: "exemption/end",
		example: `safelight-collector exemption end K3MZQ7TA --as "Demo DSL"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", leaveAs)
			return func(args []string) (any, error) {
				if len(args) != 1 || *as == "" {
					return nil, cli.Usagef("want one exemption's id (`exemption list` shows them) and --as WHO")
				}
				return admin.ExemptionEnd{ID: args[0], As: *as}, nil
			}
		},
		say: sayLines[admin.ExemptionRow],
	}.command()
}

// fileOf reads the one file that a verb was given.
func fileOf(args []string, want, what string) (name string, data []byte, err error) {
	if len(args) != 1 {
		return "", nil, cli.Usagef("want one %s", want)
	}
	data, err = os.ReadFile(args[0])
	if err != nil {
		return "", nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return filepath.Base(args[0]), data, nil
}

// sayLines prints an answer that words itself.
func sayLines[Doc interface{ Lines() []string }](w io.Writer, line json.RawMessage) error {
	var doc Doc
	if err := json.Unmarshal(line, &doc); err != nil {
		return fmt.Errorf("reading the collector's answer: %w", err)
	}
	for _, text := range doc.Lines() {
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}
