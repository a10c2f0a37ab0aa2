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
	"slices"
	"strings"
	"time"

	"safelight/internal/cli"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// maxLine bounds a line of `judge`'s input.
const maxLine = 1 << 20

func judgeVerb() cli.Command {
	return cli.Command{
		Name: "judge", Args: "--rules DIR_OR_PACK [FILE]", Short: "Judge lines `kind<TAB>text` (from FILE or standard input), a verdict a line.",
		Example: `printf 'domain\tbet365.com\n' | safelight-agent judge --rules packs`,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := fs.String("rules", "", "folder of rules: a pack, or a folder of packs")
			who := rules.Input{}
			fs.StringVar(&who.Role, "role", "pupil", "whose scope judges: "+strings.Join(rules.Roles(), ", "))
			fs.StringVar(&who.Year, "year", "", "the person's year group")
			fs.StringVar(&who.Site, "site", "", "the site they are at")
			fs.StringVar(&who.Premises, "premises", "", "whether the device is on or off the premises; not known, if left out")
			fs.BoolVar(&who.Unreviewed, "unreviewed", false, "also judge by languages that no speaker has reviewed")
			groups := fs.String("group", "", "the groups the person is in, with commas between")
			periods := fs.String("period", "", "what the timetable says: lesson, break, school-day, out-of-hours, names of periods, with commas between")
			at := fs.String("at", "", "the time to judge at (2026-11-21T10:41:00Z); now, if left out")
			return func(_ context.Context, env cli.Env, args []string) error {
				if *dir == "" || len(args) > 1 {
					return cli.Usagef("want --rules DIR and at most one FILE")
				}
				who.Groups, who.Periods = commas(*groups), commas(*periods)
				if err := subject(&who, *at); err != nil {
					return err
				}
				return judge(env, *dir, args, who)
			}
		},
	}
}

// subject checks as whom the lines are judged.
func subject(who *rules.Input, at string) error {
	if !slices.Contains(rules.Roles(), who.Role) {
		return cli.Usagef("--role %q: want one of %s", who.Role, strings.Join(rules.Roles(), ", "))
	}
	if !slices.Contains([]string{"", "on", "off"}, who.Premises) {
		return cli.Usagef("--premises %q: want on or off", who.Premises)
	}
	if err := rules.CheckWho(who.Year, who.Periods); err != nil {
		return cli.Usagef("%w", err)
	}
	who.At = time.Now()
	if at == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return cli.Usagef("--at %q: want a time like 2026-11-21T10:41:00Z", at)
	}
	who.At = t
	return nil
}

// commas splits a list of words; an empty one is nil.
func commas(s string) (out []string) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func judge(env cli.Env, dir string, args []string, who rules.Input) error {
	files, err := packdir.Read(dir)
	if err != nil {
		return err
	}
	set, err := rules.Compile(files)
	if err != nil {
		return err
	}
	from, name := env.Stdin, "standard input"
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("reading lines: %w", err)
		}
		defer f.Close()
		from, name = f, args[0]
	}
	return judgeLines(set, from, name, env, who)
}

// judgeLines answers every line in order. A line that cannot be judged gets no
// answer, is complained of, and makes the whole fail at the end.
func judgeLines(set *rules.Ruleset, from io.Reader, name string, env cli.Env, who rules.Input) (err error) {
	out := bufio.NewWriter(env.Stdout)
	defer func() { err = errors.Join(err, out.Flush()) }()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	bad := 0
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff") // as Windows' editors save UTF-8
		}
		v, err := set.JudgeLine(line, who)
		if err != nil {
			fmt.Fprintf(env.Stderr, "%s: line %d: %s\n", name, n, err)
			bad++
			continue
		}
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("printing verdicts: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w (a line may have %d bytes)", name, err, maxLine)
	}
	if bad > 0 {
		return fmt.Errorf("%d lines of %s could not be judged", bad, name)
	}
	return nil
}
