package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"safelight/agent/daemon"
	"safelight/agent/enrol"
	"safelight/agent/source"
	"safelight/internal/cli"
	"safelight/internal/localstate"
	"safelight/internal/logging"
	"safelight/internal/ossvc"
	"safelight/internal/version"
)

const (
	program     = "agent"
	serviceName = "safelight-agent"
)

// dirFlag resolves --dir when it is asked for.
func dirFlag(fs *flag.FlagSet) func() (string, error) {
	dir := fs.String("dir", "", "state folder (or SAFELIGHT_DIR; by default the system's usual place)")
	return func() (string, error) { return localstate.Dir(*dir, program) }
}

func runVerb() cli.Command {
	return cli.Command{
		Name: "run", Args: "[--dir D] [--config FILE] [--enrol-file FILE]", Short: "Run the agent in the foreground (what the service runs).",
		Example: "safelight-agent run --dir /var/lib/safelight-agent",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			level := fs.String("log", "info", "how much to log: debug, info, warn or error")
			config := fs.String("config", "", "path of agent.yaml, instead of the one in the state folder")
			logFile, service := serviceFlags(fs)
			enrolFile := fs.String("enrol-file", "", "while not enrolled, wait for a token in this file, use it and take it out")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				at, err := logging.ParseLevel(*level)
				if err != nil {
					return cli.Usagef("--log: %w", err)
				}
				d, err := dir()
				if err != nil {
					return err
				}
				// Memory is dearer than processor time on a school's laptop.
				debug.SetGCPercent(50)
				if err := localstate.MakeDir(d); err != nil { // the log may be in it
					return ossvc.Failed(serviceName, *service, err)
				}
				log, done, err := logging.Open(env.Stderr, at, *logFile)
				if err != nil {
					return ossvc.Failed(serviceName, *service, err)
				}
				return errors.Join(ossvc.Run(ctx, ossvc.Program{Name: serviceName, Service: *service, Log: log, Run: func(ctx context.Context) error {
					return daemon.Run(ctx, daemon.Options{Dir: d, Log: log, Config: *config, EnrolFile: *enrolFile})
				}}), done())
			}
		},
	}
}

// serviceFlags are what the service's arguments carry.
func serviceFlags(fs *flag.FlagSet) (logFile *string, service *bool) {
	return fs.String("log-file", "", "write the log there, to at most two files of 5 MB, and not to standard error"),
		fs.Bool("service", false, "the system's service manager started this (Windows has to be told)")
}

func enrolVerb() cli.Command {
	return cli.Command{
		Name: "enrol", Args: "--token T [--collector HOST:PORT] [--as-new]", Short: "Make this device known to its collector.",
		Example: "safelight-agent enrol --token SL1.eyJh...",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			token := fs.String("token", "", "from `safelight-collector token create`; - reads it from standard input")
			collector := fs.String("collector", "", "host:port, instead of the addresses in the token")
			asNew := fs.Bool("as-new", false, "be another device even if this hardware is known; else one that was set up anew is the same device")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				d, err := dir()
				if err != nil {
					return err
				}
				t, err := readToken(env.Stdin, *token)
				if err != nil {
					return err
				}
				if err := localstate.MakeDir(d); err != nil {
					return err
				}
				id, err := enrol.Enrol(ctx, enrol.Request{Dir: d, Token: t, Collector: *collector, AsNew: *asNew, Version: version.Version, Now: time.Now})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.Stdout, "Enrolled as %s. Start the agent now.\n", id.DeviceID)
				return err
			}
		},
	}
}

// readToken keeps a token off the command line, where others can read it.
func readToken(stdin io.Reader, token string) (string, error) {
	switch token {
	case "":
		return "", cli.Usagef("want --token T")
	case "-":
		data, err := io.ReadAll(io.LimitReader(stdin, 16<<10))
		if err != nil {
			return "", fmt.Errorf("reading the token: %w", err)
		}
		return strings.TrimSpace(string(data)), nil
	}
	return token, nil
}

func statusVerb() cli.Command {
	return cli.Command{
		Name: "status", Args: "[--dir D] [--json]", Short: "Say how the agent on this device stands.",
		Example: "safelight-agent status --json",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				d, err := dir()
				if err != nil {
					return err
				}
				st, err := daemon.ReadStatus(ctx, d)
				if err != nil {
					return err
				}
				if *asJSON {
					enc := json.NewEncoder(env.Stdout)
					enc.SetIndent("", "  ")
					return enc.Encode(st)
				}
				return printStatus(env.Stdout, st)
			}
		},
	}
}

func printStatus(out io.Writer, st daemon.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "running\t%s\n", yes(st.Running))
	fmt.Fprintf(w, "enrolled\t%s\n", yes(st.Enrolled))
	if st.Refused != nil {
		fmt.Fprintf(w, "refused\tby the collector since %s: %s\n", moment(st.Refused.Since), st.Refused.Reason)
		fmt.Fprintf(w, "to mend\t%s\n", daemon.RefusedMend)
	}
	if st.Waiting != nil {
		printWaiting(w, *st.Waiting)
		return w.Flush()
	}
	if !st.Running {
		if st.Refused == nil { // else it says above what to do first
			fmt.Fprintln(w, "to mend\tstart it with `safelight-agent service start`: nothing watches this device while it does not run")
		}
		return w.Flush()
	}
	if st.Connected {
		fmt.Fprintln(w, "connected\tyes")
	} else {
		fmt.Fprintln(w, "connected\tno: what is flagged waits on this device, and is sent when the collector is reached")
	}
	if st.Policy == nil {
		fmt.Fprintln(w, "rules\tnone yet: nothing is judged until they arrive")
	} else {
		fmt.Fprintf(w, "rules\tversion %d.%d, %s old\n", st.Policy.Epoch, st.Policy.Serial, span(time.Duration(st.Policy.AgeSeconds)*time.Second))
	}
	if st.CertExpires != nil {
		fmt.Fprintf(w, "certificate\tuntil %s\n", moment(*st.CertExpires))
	}
	if st.Renewal != nil && st.Renewal.LastError != "" {
		fmt.Fprintf(w, "renewal\t%s\n", st.Renewal.LastError)
	}
	for _, s := range st.Sources {
		fmt.Fprintf(w, "source %s\t%s\n", s.Name, sourceLine(s))
	}
	if hidden := hiddenLine(st.Coverage.Hidden); hidden != "" {
		fmt.Fprintf(w, "names hidden\t%s\n", hidden)
	}
	for _, l := range st.Spool.Lanes {
		fmt.Fprintf(w, "to send, %s\t%d waiting (%d bytes), %d let go\n", l.Lane, l.Depth, l.Bytes, l.Dropped)
	}
	if st.Spool.Quarantined > 0 {
		fmt.Fprintf(w, "set aside\t%d that the collector did not take\n", st.Spool.Quarantined)
	}
	fmt.Fprintf(w, "processor\t%.1f s since the start\nmemory\t%d MB\n", st.CPUSeconds, st.MemoryBytes>>20)
	return w.Flush()
}

// printWaiting says what a device that is not enrolled waits for.
func printWaiting(w io.Writer, wait enrol.Waiting) {
	if wait.Error == "" {
		fmt.Fprintf(w, "waiting\tfor a token in %s\n", wait.File)
		return
	}
	fmt.Fprintf(w, "last try\tat %s: %s\n", wait.Tried.Local().Format("15:04:05"), wait.Error)
	fmt.Fprintf(w, "again\tby itself, within some minutes\n")
	fmt.Fprintf(w, "to mend\tonce what it says is mended, wait; or %s (%s)\n", daemon.TokenMend, wait.File)
}

// sourceLine says how a source stands, what it sees by, and what it missed.
func sourceLine(s source.Status) string {
	line := string(s.State)
	if s.Way != "" {
		line += fmt.Sprintf(" by %s since %s", s.Way, moment(s.Since))
	}
	if len(s.Interfaces) > 0 {
		line += " on " + strings.Join(s.Interfaces, " ")
	}
	line += fmt.Sprintf(", seen %d, dropped %d, lost %d", s.Seen, s.Dropped, s.Lost)
	if s.Detail != "" {
		line += "; " + s.Detail
	}
	return line
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func serviceVerbs() []cli.Command {
	var all []cli.Command
	for _, what := range ossvc.Verbs {
		all = append(all, cli.Command{
			Name: "service " + what, Short: ossvc.Short(what),
			Example: "safelight-agent service " + what,
			Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
				dir := dirFlag(fs)
				return func(_ context.Context, env cli.Env, args []string) error {
					if err := cli.NoArgs(args); err != nil {
						return err
					}
					d, err := dir()
					if err != nil {
						return err
					}
					return ossvc.Verb(env.Stdout, what, args, ossvc.Config{
						Name: serviceName, Title: "Safelight agent",
						About: "Safeguarding: judges visited sites and started programs on this device by the school's rules.",
						Args:  append([]string{"run", "--dir", d}, ossvc.Args(filepath.Join(d, "agent.log"))...),
					})
				}
			},
		})
	}
	return all
}

func versionVerb() cli.Command {
	return cli.Command{
		Name: "version", Short: "Print which build this is.", Example: "safelight-agent version",
		Flags: func(*flag.FlagSet) func(context.Context, cli.Env, []string) error {
			return func(_ context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				_, err := fmt.Fprintln(env.Stdout, "safelight-agent", version.String())
				return err
			}
		},
	}
}
