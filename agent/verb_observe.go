package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/agent/attribution"
	"safelight/agent/source"
	"safelight/agent/source/fold"
	"safelight/agent/source/network"
	"safelight/agent/source/process"
	"safelight/agent/source/replay"
	"safelight/agent/source/weblog"
	"safelight/internal/cli"
	"safelight/internal/event"
	"safelight/internal/rules"
)

func observeVerb() cli.Command {
	return cli.Command{
		Name: "observe", Args: "(--live | --pcap FILE | --log [FORMAT=]FILE)", Short: "Print what is observed, a JSON object a line; nothing is judged or sent.",
		Example: "safelight-agent observe --live",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			live := fs.Bool("live", false, "watch this machine until interrupted")
			pcap := fs.String("pcap", "", "decode a capture file (pcap or pcapng), each name once per way seen")
			log := fs.String("log", "", "read a log file to its end, as FORMAT=FILE ("+strings.Join(weblog.Formats(), ", ")+"), or FILE to have its format found")
			format := fs.String("format", "", "with --log FILE: its format")
			columns := fs.String("columns", "", "with --log, of a CSV file: what its header calls the columns, as host=Address,user=Account ("+strings.Join(weblog.Columns, ", ")+")")
			iface := fs.String("interface", "", "with --live: watch this network interface only")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				if (*iface != "" && !*live) || (*format+*columns != "" && *log == "") {
					return cli.Usagef("--interface goes with --live, --format and --columns with --log")
				}
				p := newPrinter(env)
				if *pcap == "" {
					var err error
					if p.marker, err = newMarker(); err != nil {
						return err
					}
				}
				switch {
				case *live && *pcap == "" && *log == "":
					return observeLive(ctx, env, p, *iface)
				case *pcap != "" && !*live && *log == "":
					return observePcap(env, p, *pcap)
				case *log != "" && !*live && *pcap == "":
					return observeLog(env, p, logSpec{*log, *format, *columns})
				}
				return cli.Usagef("want one of --live, --pcap FILE or --log [FORMAT=]FILE")
			}
		},
	}
}

// printer prints observations, but never a helpline's site (G1).
type printer struct {
	mu  sync.Mutex // sources print side by side
	out *bufio.Writer
	enc *json.Encoder
	// marker may be nil: what is printed is then as it was seen.
	marker *marker
}

func newPrinter(env cli.Env) *printer {
	p := &printer{out: bufio.NewWriter(env.Stdout)}
	p.enc = json.NewEncoder(p.out)
	p.enc.SetEscapeHTML(false)
	return p
}

func (p *printer) print(o event.Observation) error {
	if o.Kind == event.Domain && rules.IsHelpline(o.Name) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.marker != nil {
		p.marker.mark(&o)
	}
	if o.Kind == event.Domain && strings.Contains(o.Name, ":") {
		o.Name = "[" + o.Name + "]" // an IPv6 address, as it stands in a URL
	}
	if err := p.enc.Encode(o); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func (p *printer) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Flush()
}

// Put implements source.Sink.
func (p *printer) Put(_ context.Context, o source.Observed) error {
	if err := p.print(o.Observation); err != nil {
		return err
	}
	return p.flush()
}

// Offer implements source.Sink.
func (p *printer) Offer(o source.Observed) bool { return p.Put(context.Background(), o) == nil }

func observeLive(ctx context.Context, env cli.Env, p *printer, iface string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	owners := attribution.New(attribution.Config{})
	defer func() { _ = owners.Close() }()
	sources := []source.Source{
		network.New(network.Config{Interface: iface, Beside: true, Owners: owners, Log: log}),
		process.New(process.Config{Beside: true, Owners: owners, Log: log}),
	}
	ended := make(chan error, len(sources))
	for _, s := range sources {
		go func() { ended <- s.Run(ctx, nil, p) }()
	}
	failed := 0
	for range sources {
		err := <-ended
		if ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(env.Stderr, "%s\n", err)
		if failed++; failed == len(sources) {
			return fmt.Errorf("nothing can be observed here: %w", err)
		}
	}
	return nil
}

func observePcap(env cli.Env, p *printer, name string) error {
	f, err := openFile(name)
	if err != nil {
		return fmt.Errorf("reading capture: %w", err)
	}
	defer f.Close()
	var printing error
	sum, err := replay.Names(f, func(o event.Observation) {
		if printing == nil {
			printing = p.print(o)
		}
	})
	if ferr := p.flush(); printing == nil {
		printing = ferr
	}
	if printing != nil {
		return printing
	}
	if err != nil {
		return fmt.Errorf("reading capture %s: %w", name, err)
	}
	if sum.Skipped > 0 {
		fmt.Fprintf(env.Stderr, "%s: %d of %d packets are of a link that is not decoded\n", name, sum.Skipped, sum.Packets)
	}
	if sum.Cut {
		fmt.Fprintf(env.Stderr, "%s: it ends in the middle of a packet, after %d\n", name, sum.Packets)
	}
	return nil
}

// openFile opens what can be read; a pipe can.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is a folder; want a file", name), f.Close())
	}
	return f, nil
}

// detectBytes is how much of a log's beginning its format is found by.
const detectBytes = 64 << 10

// logFile splits what follows --log into the file's name and its format, which
// is empty where it is to be found. A sign of equality may be part of a name.
func logFile(spec, format string) (name, named string, err error) {
	if before, after, ok := strings.Cut(spec, "="); ok && format == "" {
		_, unknown := weblog.FormatNamed(before)
		switch _, missing := os.Stat(spec); {
		case unknown == nil && after != "":
			return after, before, nil
		case unknown != nil && missing != nil:
			return "", "", cli.Usagef("--log: %w", unknown)
		}
	}
	if format == "" {
		if _, err := weblog.FormatNamed(spec); err == nil {
			return "", "", cli.Usagef("--log %q: want [FORMAT=]FILE", spec)
		}
		return spec, "", nil
	}
	if _, err := weblog.FormatNamed(format); err != nil {
		return "", "", cli.Usagef("--format: %w", err)
	}
	return spec, format, nil
}

// logSpec is what --log, --format and --columns say.
type logSpec struct{ file, format, columns string }

// options reads --columns.
func (l logSpec) options() (o weblog.Options, err error) {
	for pair := range strings.SplitSeq(l.columns, ",") {
		role, name, ok := strings.Cut(pair, "=")
		switch {
		case l.columns == "":
			return o, nil
		case !ok || name == "" || !slices.Contains(weblog.Columns, role):
			return o, cli.Usagef("--columns %q: want COLUMN=NAME, with a column of %v", l.columns, weblog.Columns)
		case o.Columns == nil:
			o.Columns = map[string]string{}
		}
		o.Columns[role] = name
	}
	return o, nil
}

func observeLog(env cli.Env, p *printer, spec logSpec) error {
	name, format, err := logFile(spec.file, spec.format)
	if err != nil {
		return err
	}
	options, err := spec.options()
	if err != nil {
		return err
	}
	f, err := openFile(name)
	if err != nil {
		return fmt.Errorf("reading log: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, detectBytes)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		return fmt.Errorf("reading log %s: it is compressed; unpack it first (gunzip -k)", name)
	}
	if format == "" {
		beginning, _ := in.Peek(detectBytes) // shorter logs are fine, and what fails will fail again
		if format, err = weblog.Detect(beginning, options); err != nil {
			return fmt.Errorf("reading log %s: %w", name, err)
		}
	}
	// Lines are folded by the times they carry, as --live folds by the clock.
	var printing error
	emit := func(o event.Observation) {
		if printing == nil {
			printing = p.print(o)
		}
	}
	folder := fold.New(fold.Config{})
	last := time.Time{}
	sum, err := weblog.ReadAll(format, in, options, func(o event.Observation) error {
		if !o.Logged.IsZero() {
			o.Time = o.Logged
		}
		if o.Time.After(last) {
			last = o.Time
		}
		folder.Add(o, last, emit)
		return printing
	})
	folder.Flush(last, emit)
	if ferr := p.flush(); printing == nil {
		printing = ferr
	}
	if sum.Unparsed+sum.TooLong > 0 {
		fmt.Fprintf(env.Stderr, "%s: %d of %d lines name no host or are not %s's, %d were too long\n", name, sum.Unparsed, sum.Lines, format, sum.TooLong)
	}
	if err == nil {
		err = printing
	}
	if err != nil {
		return fmt.Errorf("reading log %s: %w", name, err)
	}
	return nil
}
