package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"safelight/agent/about"
	"safelight/agent/daemon"
	"safelight/internal/cli"
)

func aboutVerb() cli.Command {
	return cli.Command{
		Name: "about", Args: "[--open | --notify]", Short: "Say what this device records, who is told, and whom to talk to. Anybody may ask.",
		Example: "safelight-agent about --open",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			open := fs.Bool("open", false, "open the school's page in the browser or, where it does not answer, the copy on this device")
			notify := fs.Bool("notify", false, "say on the desktop, in a line, that Safelight is here (Linux; the packages do so once a sign-in)")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				if *open && *notify {
					return cli.Usagef("want --open or --notify, not both")
				}
				if *notify {
					return about.Notify(ctx)
				}
				d, err := dir()
				if err != nil {
					return err
				}
				page, err := daemon.About(d)
				if err != nil {
					return err
				}
				return sayAbout(ctx, env.Stdout, page, *open, about.Opener{Start: about.Browse})
			}
		},
	}
}

// sayAbout prints the page, also where it cannot be opened: somebody wants to know.
func sayAbout(ctx context.Context, out io.Writer, page about.Copy, open bool, opener about.Opener) error {
	if open {
		opened, err := opener.Open(ctx, page)
		if err == nil {
			_, err = fmt.Fprintln(out, "Opened", opened)
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n\n", err); err != nil {
			return err
		}
	}
	if page.ForIT != "" {
		page.Text = strings.TrimRight(page.Text, "\n") + "\n\nFor IT\n\n" + page.ForIT + "\n"
	}
	_, err := io.WriteString(out, page.Text)
	return err
}
