package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"strings"
	"testing"

	"safelight/internal/cli"
)

func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	commands := []cli.Command{
		{Name: "greet", Args: "NAME", Short: "Greets.", Example: "demo greet --loud Ada", Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			loud := fs.Bool("loud", false, "in capitals")
			return func(_ context.Context, env cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.Usagef("want one name")
				}
				name := args[0]
				if *loud {
					name = strings.ToUpper(name)
				}
				_, err := env.Stdout.Write([]byte(name))
				return err
			}
		}},
		{Name: "device list", Short: "Fails.", Flags: func(*flag.FlagSet) func(context.Context, cli.Env, []string) error {
			return func(context.Context, cli.Env, []string) error { return errors.New("the store is away") }
		}},
	}
	var out, errw bytes.Buffer
	code = cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &errw}, "demo", "A demo.", commands, args)
	return code, out.String(), errw.String()
}

func TestFlagsMayFollowArguments(t *testing.T) {
	for _, args := range [][]string{{"greet", "--loud", "ada"}, {"greet", "ada", "--loud"}} {
		if code, out, _ := run(t, args...); code != 0 || out != "ADA" {
			t.Errorf("%v: status %d, printed %q", args, code, out)
		}
	}
	if code, out, _ := run(t, "greet", "--", "--loud"); code != 0 || out != "--loud" {
		t.Errorf("behind --: status %d, printed %q", code, out)
	}
}

func TestExitStatusSaysWhoseMistakeItIs(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"device", "list"}, 1, "demo device list: the store is away"},
		{[]string{"greet"}, 2, "want one name"},
		{[]string{"greet", "--nonsense"}, 2, "--help"},
		{[]string{"dance"}, 2, "unknown verb"},
		{nil, 2, "Usage"},
	} {
		code, _, stderr := run(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, stderr %q; want %d and %q", c.args, code, stderr, c.code, c.says)
		}
	}
}

func TestHelpGoesToStandardOutputWithAnExample(t *testing.T) {
	code, out, _ := run(t, "greet", "--help")
	if code != 0 || !strings.Contains(out, "demo greet --loud Ada") || !strings.Contains(out, "-loud") {
		t.Errorf("status %d, printed %q", code, out)
	}
}
