package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"safelight/collector/admin"
	"safelight/collector/backup"
	"safelight/collector/server"
	"safelight/internal/cli"
)

func backupVerb() cli.Command {
	return cli.Command{
		Name: "backup", Args: "FILE", Short: "Write everything into one file encrypted to the recovery key, and prove it by reading it back.",
		Example: "safelight-collector backup /mnt/usb/monday.safelight-backup",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one file to write")
				}
				return takeBackup(ctx, env, dir, args[0], *asJSON)
			}
		},
	}
}

// backupDone is what `backup --json` prints.
type backupDone struct {
	File   string           `json:"file"`
	Bytes  int64            `json:"bytes"`
	SHA256 string           `json:"sha256"`
	Taken  time.Time        `json:"taken"`
	Files  int              `json:"files"`
	Rows   map[string]int64 `json:"rows"`
	Left   []string         `json:"left_out,omitempty"`
	// Keyring opens the names and words in the file; it is replaced with each
	// backup and each erasure.
	Keyring string `json:"keyring"`
}

func takeBackup(ctx context.Context, env cli.Env, dir *dirValue, file string, asJSON bool) error {
	path, err := outside(dir, file)
	if err != nil {
		return err
	}
	key, public, err := backup.NewReader()
	if err != nil {
		return err
	}
	client, done, err := adminClient(ctx, dir)
	if err != nil {
		return err
	}
	defer done()
	fmt.Fprintln(env.Stderr, "Taking a snapshot ...")
	body, size, err := client.Stream(ctx, "backup", admin.BackupRequest{Reader: public})
	if err != nil {
		return err
	}
	saved, err := backup.Save(path, key, size, body, progress(env.Stderr, "Writing"))
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	// After the snapshot, so that whoever is in the backup is in the keyring.
	keyring, err := writeKeyring(ctx, client, filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("%s is written, and is no use without a keyring beside it: %w", path, err)
	}
	d := backupDone{path, saved.Bytes, saved.SHA256, saved.Manifest.Taken, len(saved.Manifest.Files), saved.Manifest.Rows, saved.Manifest.LeftOut, keyring}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(d)
	}
	for _, name := range d.Left {
		fmt.Fprintf(env.Stderr, "Not in the backup: %s (a link; copy what it leads to yourself)\n", name)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %d files, %d events, as of %s.\nRead back and whole: %d bytes, SHA-256 %s\nThe keyring that opens its names and words is replaced: %s\n",
		path, d.Files, d.Rows["events"], when(d.Taken), d.Bytes, d.SHA256, d.Keyring)
	return err
}

// outside refuses a file within the state folder: it would be lost with what it
// is a backup of, and grow into the next one.
func outside(dir *dirValue, file string) (string, error) {
	d, err := dir.resolve()
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", file, err)
	}
	if rel, err := filepath.Rel(d, path); err == nil && filepath.IsLocal(rel) {
		return "", cli.Usagef("%s lies in the state folder %s: write to another disk", path, d)
	}
	return path, nil
}

// progress prints how far something is, ten times at most.
func progress(w io.Writer, what string) backup.Progress {
	told := int64(0)
	return func(done, of int64) {
		if of <= 0 {
			return
		}
		if tenth := min(done*10/of, 10); tenth > told {
			told = tenth
			fmt.Fprintf(w, "%s: %d %%\n", what, tenth*10)
		}
	}
}

func restoreVerb() cli.Command {
	return cli.Command{
		Name: "restore", Args: "FILE --recovery-key FILE --dir NEWDIR [--keyring FILE]", Short: "Lay a backup down in a fresh folder, compare it, and begin a new policy epoch.",
		Example: "safelight-collector restore monday.safelight-backup --recovery-key /mnt/safe/recovery.txt --dir /var/lib/safelight-collector-new",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := fs.String("dir", "", "the fresh folder; missing or empty")
			key := fs.String("recovery-key", "", "the file recovery.txt that `init` wrote; recovery.key is looked for beside it")
			keyring := fs.String("keyring", "", "the file keyring-....safelight-keyring; by default the one beside the backup; \"none\" restores without names and words")
			asJSON := fs.Bool("json", false, "print JSON")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 1 || *dir == "" || *key == "" {
					return cli.Usagef("want one backup, --recovery-key and --dir")
				}
				into, err := filepath.Abs(*dir)
				if err != nil {
					return err
				}
				r, err := server.Restore(ctx, server.RestoreOptions{
					File: args[0], RecoveryKey: *key, Keyring: *keyring, Dir: into, Now: time.Now, Progress: progress(env.Stderr, "Restoring"),
				})
				if err != nil {
					return err
				}
				if *asJSON {
					return json.NewEncoder(env.Stdout).Encode(restoreDone{into, r.Manifest.Taken, len(r.Manifest.Files), r.Manifest.Rows, r.Epoch})
				}
				return sayRestored(env.Stdout, into, r)
			}
		},
	}
}

// restoreDone is what `restore --json` prints.
type restoreDone struct {
	Dir   string           `json:"dir"`
	Taken time.Time        `json:"taken"`
	Files int              `json:"files"`
	Rows  map[string]int64 `json:"rows"`
	Epoch uint64           `json:"policy_epoch,omitempty"`
}

func sayRestored(w io.Writer, dir string, r server.Restored) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Restored into %s: %d files, %d events, as of %s. Every digest and count agrees.\n", dir, len(r.Manifest.Files), r.Manifest.Rows["events"], when(r.Manifest.Taken))
	switch {
	case r.Epoch != 0:
		fmt.Fprintf(&out, "The rules are published again as the first of policy epoch %d; devices follow when they connect.\n", r.Epoch)
	case r.Rules:
		fmt.Fprint(&out, "No new policy epoch was begun: recovery.key is not beside the recovery key. Devices that had newer rules than this backup's keep them, and refuse what is published here, until one is begun.\n")
	}
	fmt.Fprintf(&out, "Next: `safelight-collector serve --dir %s`\n", dir)
	_, err := io.WriteString(w, out.String())
	return err
}
