package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"safelight/collector/admin"
	"safelight/collector/backup"
	"safelight/internal/cli"
)

func subjectEraseVerb() cli.Command {
	return cli.Command{
		Name: "subject erase", Args: "ACCOUNT|--subject ID --as WHO --reason WHY",
		Short:   "Make a person's name, account and words unreadable for good, in backups too once every older copy of the keyring is replaced; alerts stay without them.",
		Example: `safelight-collector subject erase demo.pupil --as "Demo DSL" --reason "Left the school; asked for by the parents"`,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			as := fs.String("as", "", "who erases: a DSL's sign-in token, or in a trial school their name")
			reason := fs.String("reason", "", "why; kept on record and shown with the alerts, so without names")
			subject := fs.String("subject", "", "the subject's id as `alerts` prints it, instead of an account")
			asJSON := fs.Bool("json", false, "print JSON")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) > 1 || (len(args) == 1) == (*subject != "") || *as == "" || strings.TrimSpace(*reason) == "" {
					return cli.Usagef("want one account or --subject ID, and --as WHO and --reason WHY")
				}
				req := admin.SubjectErase{As: *as, Subject: *subject, Reason: *reason}
				if len(args) == 1 {
					req.Account = args[0]
				}
				return eraseSubject(ctx, env, dir, req, *asJSON)
			}
		},
	}
}

// subjectErased is what `subject erase --json` prints.
type subjectErased struct {
	Subject  string   `json:"subject"`
	Keyrings []string `json:"keyrings"` // replaced
}

func eraseSubject(ctx context.Context, env cli.Env, dir *dirValue, req admin.SubjectErase, asJSON bool) error {
	client, done, err := adminClient(ctx, dir)
	if err != nil {
		return err
	}
	defer done()
	var erased admin.SubjectErased
	if err := callOne(ctx, client, "subject/erase", req, &erased); err != nil {
		return err
	}
	said := subjectErased{Subject: erased.Subject, Keyrings: []string{}}
	var left []string
	for _, place := range erased.Keyring.Places {
		path, err := backup.WriteKeyring(place, erased.Keyring.Name, erased.Keyring.Sealed)
		if errors.Is(err, backup.ErrNewer) { // a backup was taken at the same time
			path, err = writeKeyring(ctx, client, place)
		}
		if err != nil {
			left = append(left, err.Error())
			continue
		}
		said.Keyrings = append(said.Keyrings, path)
	}
	if asJSON {
		err = json.NewEncoder(env.Stdout).Encode(said)
	} else {
		err = sayErased(env, said)
	}
	if len(left) > 0 {
		return fmt.Errorf("the subject is erased here, but older copies of the keyring could not be replaced and still open backups of before: %s; make their places reachable and run `keyring export FOLDER` for each", strings.Join(left, "; "))
	}
	return err
}

func sayErased(env cli.Env, d subjectErased) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Erased subject %s: name, account and words, here and in every backup that is opened with a keyring from now on.\n", d.Subject)
	for _, path := range d.Keyrings {
		fmt.Fprintf(&out, "Replaced %s\n", path)
	}
	fmt.Fprint(&out, "Replace every other copy of a keyring too (other disks, other folders): an older one still opens backups of before.\n")
	_, err := env.Stdout.Write([]byte(out.String()))
	return err
}

func keyringExportVerb() cli.Command {
	return cli.Command{
		Name: "keyring export", Args: "FOLDER", Short: "Replace the keyring in a folder with backups; `backup` and `subject erase` do so by themselves.",
		Example: "safelight-collector keyring export /mnt/backup",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one folder")
				}
				if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
					return cli.Usagef("%s is no folder", args[0])
				}
				path, err := outside(dir, filepath.Join(args[0], "x"))
				if err != nil {
					return err
				}
				client, done, err := adminClient(ctx, dir)
				if err != nil {
					return err
				}
				defer done()
				written, err := writeKeyring(ctx, client, filepath.Dir(path))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.Stdout, "Replaced %s\n", written)
				return err
			}
		},
	}
}

// writeKeyring puts the present keyring into a folder, and has the collector
// remember it.
func writeKeyring(ctx context.Context, client *admin.Client, folder string) (string, error) {
	var k admin.Keyring
	if err := callOne(ctx, client, "keyring", admin.KeyringRequest{Place: folder}, &k); err != nil {
		return "", err
	}
	return backup.WriteKeyring(folder, k.Name, k.Sealed)
}

// callOne calls a verb that answers with one document.
func callOne(ctx context.Context, client *admin.Client, verb string, req, into any) error {
	return client.Call(ctx, verb, req, func(line json.RawMessage) error {
		if err := json.Unmarshal(line, into); err != nil {
			return fmt.Errorf("reading the collector's answer: %w", err)
		}
		return nil
	})
}
