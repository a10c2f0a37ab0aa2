package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"safelight/internal/licence"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	name := flags.String("name", "", "what the program is called: safelight-agent, safelight-collector or safelight-browser-policies")
	version := flags.String("version", "dev", "the version that it was built as")
	tree := flags.String("tree", ".", "the top of Safelight's source, which holds the licences of what is no module")
	if err := flags.Parse(args); err != nil {
		return err
	}
	which, ours := strings.CutPrefix(*name, "safelight-")
	if flags.NArg() != 1 || !ours || built[which] == "" {
		return errors.New("want -name safelight-agent, safelight-collector or safelight-browser-policies, and one program's file")
	}
	when, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	at := places{tree: *tree}
	if at.cache, err = ask(*tree, "env", "GOMODCACHE"); err != nil {
		return err
	}
	std, err := ask(*tree, "list", "-m", "-f", "{{.Dir}}", licence.Standard)
	if err != nil {
		return err
	}
	at.standard = filepath.Join(std, "LICENSE")
	p := program{name: *name, which: which, version: *version, when: when}
	text, err := p.bill(filepath.Clean(flags.Arg(0)), at)
	if err != nil {
		return fmt.Errorf("writing the bill of materials of %s: %w", flags.Arg(0), err)
	}
	_, err = io.Copy(out, bytes.NewReader(text))
	return err
}

// ask has the go command answer, for the module in tree.
func ask(tree string, args ...string) (string, error) {
	cmd := exec.Command("go", args...) //nolint:gosec // its callers write the arguments
	cmd.Dir = tree
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("asking go %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// sourceDate reads SOURCE_DATE_EPOCH (reproducible-builds.org), seconds since
// 1970; none is the zero time.
func sourceDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading SOURCE_DATE_EPOCH %q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
