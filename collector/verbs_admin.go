package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"safelight/collector/admin"
	"safelight/collector/server"
	"safelight/internal/cli"
)

// adminVerb is the frame of every verb that asks the running collector, or
// opens the store itself where none runs.
type adminVerb struct {
	name, args, short, example string
	call                       string // the admin verb
	// callFor, where set, chooses the admin verb by the request.
	callFor func(req any) string
	// request declares flags and returns what builds the request.
	request func(fs *flag.FlagSet) func(args []string) (any, error)
	// say prints a line of the answer for people; --json prints it as it is.
	say func(w io.Writer, line json.RawMessage) error
}

func (v adminVerb) command() cli.Command {
	return cli.Command{
		Name: v.name, Args: v.args, Short: v.short, Example: v.example,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON, an object a line")
			request := v.request(fs)
			return func(ctx context.Context, env cli.Env, args []string) error {
				req, err := request(args)
				if err != nil {
					return err
				}
				client, done, err := adminClient(ctx, dir)
				if err != nil {
					return err
				}
				defer done()
				w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
				call := v.call
				if v.callFor != nil {
					call = v.callFor(req)
				}
				err = client.Call(ctx, call, req, func(line json.RawMessage) error {
					if *asJSON {
						_, err := fmt.Fprintf(w, "%s\n", line)
						return err
					}
					return v.say(w, line)
				})
				if ferr := w.Flush(); err == nil {
					err = ferr
				}
				return err
			}
		},
	}
}

// sayAs prints a line of the answer through a format's arguments.
func sayAs[Doc any](format string, args func(Doc) []any) func(io.Writer, json.RawMessage) error {
	return func(w io.Writer, line json.RawMessage) error {
		var doc Doc
		if err := json.Unmarshal(line, &doc); err != nil {
			return fmt.Errorf("reading the collector's answer: %w", err)
		}
		_, err := fmt.Fprintf(w, format, args(doc)...)
		return err
	}
}

func when(t time.Time) string { return t.Local().Format("2 Jan 2006 15:04") }

func whenOr(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return when(*t)
}

func nothing(*flag.FlagSet) func([]string) (any, error) {
	return func(args []string) (any, error) { return admin.Nothing{}, cli.NoArgs(args) }
}

func named(what string) func(*flag.FlagSet) func([]string) (any, error) {
	return func(*flag.FlagSet) func([]string) (any, error) {
		return func(args []string) (any, error) {
			if len(args) != 1 {
				return nil, cli.Usagef("want one %s", what)
			}
			return admin.Named{Name: args[0]}, nil
		}
	}
}

var sayDone = sayAs("%s\n", func(d admin.Done) []any { return []any{d.Done} })

func userAddVerb() cli.Command {
	return adminVerb{
		name: "user add", args: "--name NAME --email ADDRESS --duty dsl|deputy|head|it|teacher", call: "user/add",
		short:   "Let somebody sign in; prints their one-time link and command-line token once.",
		example: `safelight-collector user add --name "Demo DSL" --email dsl@school.example --duty dsl`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			var u admin.UserAdd
			fs.StringVar(&u.Name, "name", "", "the person's name")
			fs.StringVar(&u.Email, "email", "", "where alerts are sent, and what they sign in with")
			fs.StringVar(&u.Duty, "duty", "", "dsl, deputy, head, it or teacher")
			fs.StringVar(&u.Account, "account", "", "their own account on school devices: alerts about it are never told or shown to them")
			return func(args []string) (any, error) { return u, cli.NoArgs(args) }
		},
		say: sayAs("Added %s (%s).\nOne-time link, until %s:\n%s\nCommand-line token, for --as; it is not shown again:\n%s\n", func(d admin.UserAdded) []any {
			return []any{d.Name, d.Duty, when(d.Expires), d.Link, d.Token}
		}),
	}.command()
}

func userListVerb() cli.Command {
	return adminVerb{
		name: "user list", short: "List who may sign in.", call: "user/list",
		example: "safelight-collector user list", request: nothing,
		say: sayAs("%s\t%s\t%s\t%s\t%s\n", func(d admin.UserRow) []any {
			state := "link not used yet"
			if d.SignedUp {
				state = "signs in"
			}
			if d.Disabled {
				state = "access ended"
			}
			return []any{d.ID, d.Name, d.Email, d.Duty, state}
		}),
	}.command()
}

func userDisableVerb() cli.Command {
	return adminVerb{
		name: "user disable", args: "ID_OR_EMAIL", short: "End somebody's access and their sessions.", call: "user/disable",
		example: "safelight-collector user disable deputy@school.example", request: named("user id or address"), say: sayDone,
	}.command()
}

func since(fs *flag.FlagSet) func() (time.Time, error) {
	s := fs.String("since", "", "only from then on: a time (2026-11-21T08:00:00Z) or an age (24h, 30d)")
	return func() (time.Time, error) {
		if *s == "" {
			return time.Time{}, nil
		}
		if age, ok := parseAge(*s); ok {
			return time.Now().Add(-age), nil
		}
		t, err := time.Parse(time.RFC3339, *s)
		if err != nil {
			return t, cli.Usagef("--since %q: want a time like 2026-11-21T08:00:00Z or an age like 24h or 30d", *s)
		}
		return t, nil
	}
}

// parseAge reads a duration, which may also be whole days: "30d".
func parseAge(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n >= 0 && n < 100_000
	}
	age, err := time.ParseDuration(text)
	return age, err == nil && age >= 0
}

func look(fs *flag.FlagSet) func([]string) (any, error) {
	as := fs.String("as", "", "who looks: a sign-in token, or in a trial school a trial user's name")
	from := since(fs)
	return func(args []string) (any, error) {
		if *as == "" {
			return nil, cli.Usagef("this verb shows people: give --as with your sign-in token (in a trial school: a trial user's name)")
		}
		t, err := from()
		if err != nil {
			return nil, err
		}
		return admin.Look{As: *as, Since: t}, cli.NoArgs(args)
	}
}

func eventsVerb() cli.Command {
	return adminVerb{
		name: "events", args: "--as WHO [--since T]", short: "Show the events that WHO may see; the look is recorded.", call: "events",
		example: `safelight-collector events --as "Demo DSL" --json --since 24h`, request: look,
		say: sayAs("%s\t%s\t%s\t%s\tby %s\t%s\n", func(d admin.EventLine) []any {
			return []any{when(d.Time), d.Severity, d.Category, readable(d), d.Via, d.DeviceName}
		}),
	}.command()
}

// readable is what was seen, or why that is not shown.
func readable(d admin.EventLine) string {
	switch {
	case d.Erased:
		return "(erased)"
	case d.Unreadable && d.Name == "":
		return "(cannot be read: event " + d.ID + " or the record of its subject " + d.Subject + " is damaged)"
	}
	return d.Name
}

func alertsVerb() cli.Command {
	return adminVerb{
		name: "alerts", args: "--as WHO [--since T]", short: "Show the alerts that WHO may see; the look is recorded.", call: "alerts",
		example: `safelight-collector alerts --as "Demo DSL" --json`, request: look,
		say: sayAs("%s\t%s\t%s\t%s\t%d events\t%s\n", func(d admin.AlertLine) []any {
			if d.Unreadable {
				d.State += ", whose it is cannot be read (its row is damaged)"
			}
			return []any{d.Ref, when(d.Raised), d.Severity, d.Category, d.Events, d.State}
		}),
	}.command()
}

// adminClient asks the running collector, or opens the store itself.
func adminClient(ctx context.Context, dir *dirValue) (*admin.Client, func(), error) {
	d, err := dir.resolve()
	if err != nil {
		return nil, nil, err
	}
	return server.AdminClient(ctx, d)
}
