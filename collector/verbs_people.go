package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
