package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"safelight/collector/admin"
	"safelight/internal/cli"
)

func auditVerifyVerb() cli.Command {
	return adminVerb{
		name: "audit verify", args: "[--checkpoint FILE]", call: "audit/verify",
		short:   "Recompute the record of who looked and who changed what, and say whether it is whole.",
		example: "safelight-collector audit verify --checkpoint last-week.txt",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			file := fs.String("checkpoint", "", "a signed checkpoint kept elsewhere: finds a cut tail and an older database")
			return func(args []string) (any, error) {
				if *file == "" {
					return admin.AuditVerify{}, cli.NoArgs(args)
				}
				data, err := os.ReadFile(*file)
				if err != nil {
					return nil, fmt.Errorf("reading a checkpoint: %w", err)
				}
				return admin.AuditVerify{Checkpoint: data, From: "the file " + *file}, cli.NoArgs(args)
			}
		},
		say: sayAs("The record is whole: %d records, %d of them erased, leaves intact; %d connected devices hold checkpoints that it continues.\n%s%s", func(d admin.AuditVerified) []any {
			return []any{d.Records, d.Erased, d.Held, restoresSaid(d), d.Checkpoint}
		}),
	}.command()
}

// restoresSaid is a line for each restore on record.
func restoresSaid(d admin.AuditVerified) string {
	var out strings.Builder
	for _, r := range d.Restores {
		if !r.Accepted {
			fmt.Fprintf(&out, "A restore on %s (%s), after record %d, is not accepted by anybody yet: `audit accept-restore`.\n", when(r.Restored), r.Reason, r.From)
			continue
		}
		fmt.Fprintf(&out, "A restore on %s, accepted on %s by %s (%s): records after checkpoint %d of the old tree are missing (%s).\n", when(r.Restored), when(r.At), r.By, r.Reason, r.From, missing(r.Missing))
	}
	fmt.Fprintf(&out, "Restores are accepted with the recovery key %s: compare it with the name that you wrote on its envelope.\n", d.RecoveryKey)
	return out.String()
}

func missing(n int64) string {
	if n == 0 {
		return "nobody holds a checkpoint that says how many"
	}
	return fmt.Sprintf("%d records, as far as checkpoints say", n)
}

func auditAcceptVerb() cli.Command {
	return adminVerb{
		name: "audit accept-restore", args: "--as WHO --reason WHY [--recovery FILE] [--from N] [--checkpoint FILE]", call: "audit/accept-restore",
		short:   "Accept that a restore lost the end of the record; it takes the recovery key, and is recorded.",
		example: `safelight-collector audit accept-restore --as "Demo DSL" --reason "The disk failed on Monday" --recovery /mnt/safe/recovery.key`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "who accepts: a DSL's or head's sign-in token, or in a trial school their name")
			reason := fs.String("reason", "", "why; kept")
			recovery := fs.String("recovery", "", "the file recovery.key that was taken offline; by default the one in the state folder")
			from := fs.Int64("from", -1, "how many records the restored database had; by default as the last `restore` says")
			kept := fs.String("checkpoint", "", "a signed checkpoint of what was lost, kept elsewhere: the acceptance then covers no more than that")
			return func(args []string) (any, error) {
				if len(args) > 0 || *as == "" || strings.TrimSpace(*reason) == "" {
					return nil, cli.Usagef("want --as WHO and --reason WHY")
				}
				req := admin.AuditAccept{As: *as, Reason: *reason}
				if *kept != "" {
					var err error
					if req.Checkpoint, err = os.ReadFile(*kept); err != nil {
						return nil, fmt.Errorf("reading a checkpoint: %w", err)
					}
				}
				if *from >= 0 {
					req.From = from
				}
				if *recovery != "" {
					path, err := filepath.Abs(*recovery)
					if err != nil {
						return nil, err
					}
					req.Recovery = path
				}
				return req, nil
			}
		},
		say: sayAs("Accepted: the record goes on from %d records; what came after them in the old tree stays missing. Who accepted it and why is on record.\n", func(r admin.AuditRestore) []any {
			return []any{r.From}
		}),
	}.command()
}

func auditEraseVerb() cli.Command {
	return adminVerb{
		name: "audit erase", args: "INDEX --as WHO --reason WHY", call: "audit/erase",
		short:   "Take a record's text away for good; its leaf stays, and the erasing is recorded.",
		example: `safelight-collector audit erase 17 --as "Demo DSL" --reason "Names a pupil"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "who erases: a DSL's sign-in token, or in a trial school their name")
			reason := fs.String("reason", "", "why; kept")
			return func(args []string) (any, error) {
				if len(args) != 1 || *as == "" || strings.TrimSpace(*reason) == "" {
					return nil, cli.Usagef("want one record's index (`audit export` shows them), --as WHO and --reason WHY")
				}
				index, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil || index < 0 {
					return nil, cli.Usagef("%q: want a record's index, a number from 0 on", args[0])
				}
				return admin.AuditErase{As: *as, Index: index, Reason: *reason}, nil
			}
		},
		say: sayDone,
	}.command()
}

func auditExportVerb() cli.Command {
	return cli.Command{
		Name: "audit export", Args: "FILE --as WHO", Short: "Write the record and its signed checkpoints to a new file, JSON a line; the look is recorded.",
		Example: `safelight-collector audit export record.jsonl --as "Demo DSL"`,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			as := fs.String("as", "", "who looks: a sign-in token, or in a trial school a trial user's name")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 || *as == "" {
					return cli.Usagef("want one new file, and --as with your sign-in token (in a trial school: a trial user's name)")
				}
				client, done, err := adminClient(ctx, dir)
				if err != nil {
					return err
				}
				defer done()
				last, err := export(ctx, client, args[0], *as)
				if err != nil {
					return fmt.Errorf("exporting the record: %w", err)
				}
				_, err = fmt.Fprint(env.Stdout, last)
				return err
			}
		},
	}
}

// export writes the record to a file that only its owner can read, and returns
// the newest checkpoint. What cannot be finished is taken away.
func export(ctx context.Context, client *admin.Client, path, as string) (last string, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s is there already: give a new file", path)
	}
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	for next := new(int64); next != nil && err == nil; {
		request := admin.AuditExport{As: as, From: *next}
		next = nil
		err = client.Call(ctx, "audit/export", request, func(raw json.RawMessage) error {
			var line admin.AuditLine
			if err := json.Unmarshal(raw, &line); err != nil {
				return fmt.Errorf("reading the collector's answer: %w", err)
			}
			if next = line.Next; next != nil {
				return nil
			}
			if line.Checkpoint != "" {
				last = line.Checkpoint
			}
			_, err := fmt.Fprintf(w, "%s\n", raw)
			return err
		})
	}
	for _, finish := range []func() error{w.Flush, f.Sync, f.Close} {
		if ferr := finish(); err == nil {
			err = ferr
		}
	}
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return last, err
}
