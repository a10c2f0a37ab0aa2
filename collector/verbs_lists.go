package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/cli"
)

func listsVerb() cli.Command {
	return adminVerb{
		name: "lists", short: "Show the lists of names that the rules subscribe to: how old, whose, under what licence, and what is wrong.", call: "lists",
		example: "safelight-collector lists", request: nothing,
		say: sayAs("%s\t%s\t%d names\tversion %d\t%s\t%s\t%s\t%s\n", func(l model.ListStanding) []any {
			state := l.State
			if l.Warning != "" {
				state += ": " + l.Warning
			}
			return []any{l.ID, orDash(l.Category), l.Names, l.Version, age(l.Fetched), orDash(l.Licence), orDash(l.From), state}
		}),
	}.command()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age says how old something is, as people say it.
func age(of time.Time) string {
	old := time.Since(of)
	switch {
	case of.IsZero():
		return "-"
	case old < 2*time.Hour:
		return fmt.Sprintf("%d minutes old", max(0, int(old.Minutes())))
	case old < 48*time.Hour:
		return fmt.Sprintf("%d hours old", int(old.Hours()))
	}
	return fmt.Sprintf("%d days old", int(old.Hours()/24))
}

func listsRefreshVerb() cli.Command {
	return cli.Command{
		Name: "lists refresh", Args: "[ID]", Short: "Fetch a list, or all of them, now; the last good version stays where that fails.",
		Example: "safelight-collector lists refresh ut1-gambling",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON, an object a line")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) > 1 {
					return cli.Usagef("want one list's id, or none for all")
				}
				client, done, err := adminClient(ctx, dir)
				if err != nil {
					return err
				}
				defer done()
				answer, _, err := client.Stream(ctx, "lists/refresh", admin.ListsRefresh{List: strings.Join(args, "")})
				if err != nil {
					return err
				}
				return sayLists(env, answer, *asJSON)
			}
		},
	}
}

func listsImportVerb() cli.Command {
	return cli.Command{
		Name: "lists import", Args: "ID FILE --as WHO", Short: "Take a list from a file, where the server has no internet; who brought it goes on record.",
		Example: "safelight-collector lists import ut1-adult /mnt/usb/adult.tar.gz --as TOKEN",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON, an object a line")
			as := fs.String("as", "", "your sign-in token (in a trial school: a trial user's name)")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if len(args) != 2 || *as == "" {
					return cli.Usagef("want a list's id (`lists` shows them), a file, and --as with who brings it")
				}
				return importList(ctx, env, dir, *as, args[0], args[1], *asJSON)
			}
		},
	}
}

func importList(ctx context.Context, env cli.Env, dir *dirValue, as, id, path string, asJSON bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return cli.Usagef("%s is no file", path)
	}
	client, done, err := adminClient(ctx, dir)
	if err != nil {
		return err
	}
	defer done()
	answer, err := client.SendList(ctx, as, id, filepath.Base(path), info.Size(), file)
	if err != nil {
		return err
	}
	return sayLists(env, answer, asJSON)
}

func listsAcceptVerb() cli.Command {
	return adminVerb{
		name: "lists accept", args: "ID --as WHO --reason WHY", call: "lists/accept",
		short:   "Put a version in force that has far fewer or far more names than the last; who and why goes on record.",
		example: `safelight-collector lists accept ut1-adult --as TOKEN --reason "its makers merged two lists, see their news of 20 November"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "your sign-in token (in a trial school: a trial user's name)")
			reason := fs.String("reason", "", "why it is right")
			return func(args []string) (any, error) {
				if len(args) != 1 {
					return nil, cli.Usagef("want one list's id (`lists` shows them)")
				}
				return admin.ListsAccept{List: args[0], As: *as, Reason: *reason}, nil
			}
		},
		say: func(w io.Writer, line json.RawMessage) error {
			var r model.ListResult
			if err := json.Unmarshal(line, &r); err != nil {
				return fmt.Errorf("reading the collector's answer: %w", err)
			}
			_, err := io.WriteString(w, resultText(r))
			return err
		},
	}.command()
}

// sayLists prints the answer to a refresh or an import as it comes.
func sayLists(env cli.Env, answer io.ReadCloser, asJSON bool) (err error) {
	defer func() { err = errors.Join(err, answer.Close()) }()
	bar := &listBar{out: env.Stderr, terminal: isTerminal(env.Stderr)}
	for in := bufio.NewReader(answer); ; {
		text, rerr := in.ReadBytes('\n')
		if len(text) > 0 {
			if err := sayListLine(env, bar, text, asJSON); err != nil {
				return err
			}
		}
		if errors.Is(rerr, io.EOF) {
			return nil
		}
		if rerr != nil {
			return rerr
		}
	}
}

func sayListLine(env cli.Env, bar *listBar, text []byte, asJSON bool) error {
	var l admin.ListLine
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("reading the collector's answer: %w", err)
	}
	if l.Step != nil {
		bar.step(*l.Step)
		return nil
	}
	bar.end()
	var err error
	switch {
	case asJSON:
		_, err = env.Stdout.Write(text)
	case l.Failed != "":
		_, err = fmt.Fprintf(env.Stdout, "%s: failed: %s\n", l.List, l.Failed)
	case l.Result != nil:
		_, err = io.WriteString(env.Stdout, resultText(*l.Result))
	}
	return err
}

// resultText puts what came of a list into words.
func resultText(r model.ListResult) string {
	var out strings.Builder
	switch r.Outcome {
	case "refused":
		fmt.Fprintf(&out, "%s: not taken: %s\n", r.List, r.Why)
	case "unchanged":
		fmt.Fprintf(&out, "%s: unchanged, version %d, %d names\n", r.List, r.Version, r.Names)
	default:
		fmt.Fprintf(&out, "%s: version %d, %d names (%d before; %d new, %d gone)\n", r.List, r.Version, r.Names, r.Was, r.Added, r.Removed)
	}
	if s := r.Summary; s != nil {
		fmt.Fprintf(&out, "  %d lines, %d names, %d twice\n", s.Lines, s.Names, s.Duplicates)
		if s.Excepted > 0 {
			fmt.Fprintf(&out, "  %d taken out by the list's own exceptions\n", s.Excepted)
		}
		for _, k := range s.Skipped {
			fmt.Fprintf(&out, "  left out: %d, %s (lines %s)\n", k.Count, k.Reason, strings.Trim(fmt.Sprint(k.Lines), "[]"))
		}
	}
	return out.String()
}

// listBar shows how far a list is: a bar on a terminal, else a line for each
// tenth.
type listBar struct {
	out      io.Writer
	terminal bool
	phase    string
	told     int64
	drawn    bool
}

func (b *listBar) step(s model.ListStep) {
	if s.Phase != b.phase {
		b.end()
		b.phase, b.told = s.Phase, -1
	}
	if s.Of <= 0 {
		return
	}
	percent := min(100, s.Done*100/s.Of)
	if b.terminal {
		if percent > b.told {
			b.told, b.drawn = percent, true
			fmt.Fprintf(b.out, "\r%-9s [%-40s] %3d %%", s.Phase, strings.Repeat("#", int(percent*40/100)), percent)
		}
		return
	}
	if tenth := percent / 10; tenth > b.told {
		b.told = tenth
		fmt.Fprintf(b.out, "%s: %d %%\n", s.Phase, tenth*10)
	}
}

// end leaves the bar's line.
func (b *listBar) end() {
	if b.drawn {
		fmt.Fprintln(b.out)
		b.drawn = false
	}
	b.phase = ""
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
