// Command mkpkg makes a macOS package of two folders, on any system:
//
//	mkpkg -root STAGE -scripts SCRIPTS -identifier safelight-agent.pkg -version 1.2.0 OUT.pkg
//
// SOURCE_DATE_EPOCH is the time that stands in it. installer/macos/build runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"safelight/installer/macos/pkg"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mkpkg:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("mkpkg", flag.ContinueOnError)
	root := flags.String("root", "", "folder that is laid over /")
	scripts := flags.String("scripts", "", "folder of preinstall and postinstall")
	identifier := flags.String("identifier", "", "the receipt's name")
	version := flags.String("version", "", "the package's version")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *root == "" || *scripts == "" {
		return errors.New("want -root, -scripts, -identifier, -version and the file to write")
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH, the time that stands in the package, in seconds since 1970: %w", err)
	}
	p := pkg.Package{Identifier: *identifier, Version: *version, Made: time.Unix(seconds, 0)}
	if p.Content, err = pkg.ReadTree(*root); err != nil {
		return err
	}
	if p.Scripts, err = pkg.ReadTree(*scripts); err != nil {
		return err
	}
	b, err := p.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(flags.Arg(0), b, 0o644) //nolint:gosec // for everybody to install
}
