// Package cli is the door of both programs: verbs, flags, help with an example,
// and exit statuses (0 done, 1 it failed with one clear line, 2 wrong usage).
// Only the two mains import it; it imports nothing of ours.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Env is what a verb may touch of the outside world.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Command is a verb.
type Command struct {
	Name    string // one or two words
	Args    string // of its usage line, e.g. "DIR --as WHO"
	Short   string
	Example string
	// Flags declares the verb's flags and returns what runs it, with the
	// arguments that are no flags.
	Flags func(fs *flag.FlagSet) func(ctx context.Context, env Env, args []string) error
}

// usageError is the caller's mistake.
type usageError struct{ error }

// Usagef makes an error that ends the program with status 2.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// NoArgs refuses arguments.
func NoArgs(args []string) error {
	if len(args) > 0 {
		return Usagef("unexpected argument %q", args[0])
	}
	return nil
}

// Main runs the program with the process's own arguments and returns its exit
// status. SIGINT and SIGTERM end the ctx that verbs are given.
func Main(program, about string, commands []Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, Env{os.Stdin, os.Stdout, os.Stderr}, program, about, commands, os.Args[1:])
}

// Run is Main with the outside world handed in.
func Run(ctx context.Context, env Env, program, about string, commands []Command, args []string) int {
	if len(args) == 0 {
		overview(env.Stderr, program, about, commands)
		return 2
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		overview(env.Stdout, program, about, commands)
		return 0
	}
	cmd, rest, ok := find(commands, args)
	if !ok {
		fmt.Fprintf(env.Stderr, "%s: unknown verb %q; see `%s help`\n", program, strings.Join(args[:min(2, len(args))], " "), program)
		return 2
	}
	fs := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // we print, so that help goes to standard output
	run := cmd.Flags(fs)
	pos, err := parse(fs, rest)
	if errors.Is(err, flag.ErrHelp) {
		help(env.Stdout, program, cmd, fs)
		return 0
	}
	if err == nil {
		err = run(ctx, env, pos)
	} else {
		err = usageError{err}
	}
	return report(env.Stderr, program, cmd, err)
}

func report(w io.Writer, program string, cmd Command, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(w, "%s %s: %s\n", program, cmd.Name, err)
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(w, "see `%s %s --help`\n", program, cmd.Name)
		return 2
	}
	return 1
}

// find takes the longest name that args begin with.
func find(commands []Command, args []string) (Command, []string, bool) {
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for _, c := range commands {
			if c.Name == name {
				return c, args[words:], true
			}
		}
	}
	return Command{}, nil, false
}

// parse takes flags before, between and after the arguments.
func parse(fs *flag.FlagSet, args []string) (pos []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return pos, nil
		}
		// flag swallows a "--": all behind it are arguments.
		if i := len(args) - fs.NArg(); i > 0 && args[i-1] == "--" {
			return append(pos, fs.Args()...), nil
		}
		pos = append(pos, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

func overview(w io.Writer, program, about string, commands []Command) {
	fmt.Fprintf(w, "%s\n\nUsage: %s VERB [flags]\n\n", about, program)
	width := 0
	for _, c := range commands {
		width = max(width, len(c.Name))
	}
	for _, c := range commands {
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name, c.Short)
	}
	fmt.Fprintf(w, "\n`%s VERB --help` shows a verb's flags and an example.\n", program)
}

func help(w io.Writer, program string, cmd Command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "%s\n\nUsage: %s %s", cmd.Short, program, cmd.Name)
	if cmd.Args != "" {
		fmt.Fprintf(w, " %s", cmd.Args)
	}
	fmt.Fprint(w, "\n\nFlags:\n")
	fs.SetOutput(w)
	fs.PrintDefaults()
	fmt.Fprintf(w, "\nExample:\n  %s\n", cmd.Example)
}
