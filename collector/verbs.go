package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"safelight/collector/server"
	"safelight/internal/cli"
	"safelight/internal/localstate"
	"safelight/internal/logging"
	"safelight/internal/ossvc"
	"safelight/internal/version"
)

const program = "collector"

// dirFlag resolves --dir when it is read.
func dirFlag(fs *flag.FlagSet) *dirValue {
	d := &dirValue{}
	fs.StringVar(&d.flag, "dir", "", "state folder (or SAFELIGHT_DIR; by default the system's usual place)")
	return d
}

type dirValue struct{ flag string }

func (d *dirValue) resolve() (string, error) { return localstate.Dir(d.flag, program) }

func initVerb() cli.Command {
	return cli.Command{
		Name: "init", Args: "[--dir D]", Short: "Make keys, certificates, the store and an empty trial school; harmless to repeat.",
		Example: "safelight-collector init --dir /var/lib/safelight-collector",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				d, err := dir.resolve()
				if err != nil {
					return err
				}
				if err := server.Init(ctx, d); err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.Stdout, "Ready in %s. Next: look at collector.yaml there, then `safelight-collector serve`.\n", d)
				return err
			}
		},
	}
}

func serveVerb() cli.Command {
	return cli.Command{
		Name: "serve", Args: "[--dir D] [--init]", Short: "Run the collector in the foreground (what the service runs).",
		Example: "safelight-collector serve --dir /var/lib/safelight-collector",
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			level := fs.String("log", "info", "how much to log: debug, info, warn or error")
			logFile := fs.String("log-file", "", "write the log there, to at most two files of 5 MB, and not to standard error")
			service := fs.Bool("service", false, "the system's service manager started this (Windows has to be told)")
			initFirst := fs.Bool("init", false, "make what is missing first, as init does")
			return func(ctx context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				at, err := logging.ParseLevel(*level)
				if err != nil {
					return cli.Usagef("--log: %w", err)
				}
				d, err := dir.resolve()
				if err != nil {
					return err
				}
				if err := localstate.MakeDir(d); err != nil { // the log may be in it
					return ossvc.Failed(serviceName, *service, err)
				}
				log, done, err := logging.Open(env.Stderr, at, *logFile)
				if err != nil {
					return ossvc.Failed(serviceName, *service, err)
				}
				return errors.Join(ossvc.Run(ctx, ossvc.Program{Name: serviceName, Service: *service, Log: log, Run: func(ctx context.Context) error {
					if *initFirst {
						if err := server.Init(ctx, d); err != nil {
							return err
						}
					}
					return server.Run(ctx, server.Options{Dir: d, Log: log, Ready: func(r server.Ready) {
						log.Info("ready", "agents", r.Agents, "console", r.Console)
					}})
				}}), done())
			}
		},
	}
}

const serviceName = "safelight-collector"

func serviceVerb(what string) cli.Command {
	return cli.Command{
		Name: "service " + what, Short: ossvc.Short(what),
		Example: "safelight-collector service " + what,
		Flags: func(fs *flag.FlagSet) func(context.Context, cli.Env, []string) error {
			dir := dirFlag(fs)
			return func(_ context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				d, err := dir.resolve()
				if err != nil {
					return err
				}
				return ossvc.Verb(env.Stdout, what, args, ossvc.Config{
					Name: serviceName, Title: "Safelight collector",
					About: "Safeguarding: takes what school devices flagged and tells the right person.",
					Args:  append([]string{"serve", "--dir", d}, ossvc.Args(filepath.Join(d, "collector.log"))...),
				})
			}
		},
	}
}

func versionVerb() cli.Command {
	return cli.Command{
		Name: "version", Short: "Print which build this is.", Example: "safelight-collector version",
		Flags: func(*flag.FlagSet) func(context.Context, cli.Env, []string) error {
			return func(_ context.Context, env cli.Env, args []string) error {
				if err := cli.NoArgs(args); err != nil {
					return err
				}
				_, err := fmt.Fprintln(env.Stdout, "safelight-collector", version.String())
				return err
			}
		},
	}
}
