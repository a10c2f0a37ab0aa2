package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"safelight/agent/daemon"
	"safelight/agent/selfcheck"
	"safelight/internal/cli"
)

// errNotProven ends the verb with status 1; what is wrong was printed.
var errNotProven = errors.New("monitoring of this device is not proven; what to look at is said above")

func selfcheckVerb() cli.Command {
	return cli.Command{
		Name: "selfcheck", Args: "[--dir D] [--filter --told WHO] [--json]", Short: "Prove that each source sees, up to the collector's ledger.",
		Example: "safelight-agent selfcheck --json",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			asJSON := fs.Bool("json", false, "print JSON")
			filter := fs.Bool("filter", false, "try the school's filter instead, with the test pages in agent.yaml; never while a pupil is signed in")
			told := fs.String("told", "", "with --filter: who answers for the filter, and was told beforehand")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				if *filter != (*told != "") {
					return cli.Usagef("want --filter and --told WHO together: %w", selfcheck.ErrNobody)
				}
				d, err := dir()
				if err != nil {
					return err
				}
				done, err := daemon.Selfcheck(ctx, d, *filter, *told)
				if err != nil {
					return err
				}
				if *asJSON {
					enc := json.NewEncoder(env.Stdout)
					enc.SetIndent("", "  ")
					err = enc.Encode(done)
				} else {
					err = printCheck(env.Stdout, done)
				}
				if err == nil && !done.Passed {
					err = errNotProven
				}
				return err
			}
		},
	}
}

func printCheck(out io.Writer, done daemon.Checked) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range done.Results {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Source, tried[r.What], resultLine(r))
	}
	if len(done.Results) == 0 {
		fmt.Fprintln(w, "sources\tnone\tno source is switched on in agent.yaml: nothing is watched")
	}
	if hidden := hiddenLine(done.Hidden); hidden != "" {
		fmt.Fprintf(w, "names hidden\tsince the start\t%s\n", hidden)
	}
	if done.Ledger.Reached {
		fmt.Fprintf(w, "ledger\treached\ton %s, by the collector's clock\n", moment(*done.Ledger.At))
	} else {
		fmt.Fprintf(w, "ledger\tNOT reached\t%s\n", done.Ledger.Why)
	}
	if done.Passed {
		fmt.Fprintln(w, "proven\tyes\tmonitoring works on this device, up to the collector")
	}
	return w.Flush()
}

// tried says what was tried, in words.
var tried = map[selfcheck.What]string{
	selfcheck.DNS: "looking up a made-up site (DNS)", selfcheck.TLS: "an encrypted connection (TLS)", selfcheck.HTTP: "a plain connection (HTTP)",
	selfcheck.QUIC: "an encrypted connection (QUIC)", selfcheck.Program: "the start of a program", selfcheck.Log: "a log that is followed",
	selfcheck.Filter: "a test page",
}

var outcomeWords = map[selfcheck.Outcome]string{
	selfcheck.Seen: "seen", selfcheck.NotSeen: "NOT seen", selfcheck.NotChecked: "not checked",
	selfcheck.Blocked: "blocked", selfcheck.NotBlocked: "not blocked",
}

func resultLine(r selfcheck.Result) string {
	line := outcomeWords[r.Outcome]
	if r.What == selfcheck.Filter && r.Failed() {
		line += ", and it should be the other way round"
	}
	if r.Via != "" {
		line += " by " + string(r.Via)
		if r.Way != "" && r.Way != string(r.Via) {
			line += " (" + r.Way + ")"
		}
	}
	if r.Outcome == selfcheck.Seen && r.DelayMS > 0 {
		line += fmt.Sprintf(" after %s", time.Duration(r.DelayMS)*time.Millisecond)
	}
	if r.Detail != "" {
		line += ": " + r.Detail
	}
	return line
}
