package main

import (
	"flag"
	"net"
	"net/netip"
	"strings"
	"time"

	"safelight/collector/admin"
	"safelight/internal/cli"
	"safelight/internal/pki"
)

func tokenCreateVerb() cli.Command {
	return adminVerb{
		name: "token create", args: "[--site S] [--uses N] [--expires 24h]", call: "token/create",
		short:   "Make a token that enrols devices; it is shown once.",
		example: "safelight-collector token create --site main --uses 30 --expires 24h",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			site := fs.String("site", "", "the site its devices belong to")
			uses := fs.Int("uses", 1, "how many devices it admits")
			expires := fs.Duration("expires", 24*time.Hour, "how long it works")
			return func(args []string) (any, error) {
				return admin.TokenCreate{Site: *site, Uses: *uses, Expires: *expires}, cli.NoArgs(args)
			}
		},
		say: sayAs("%s\nAdmits %d; works until %s. It is not shown again. %s\nTo end it before: safelight-collector token end %s\n", func(d admin.TokenMade) []any {
			return []any{d.Token, d.Uses, when(d.Expires), whereTo(d.Token), d.ID}
		}),
	}.command()
}

// whereTo says where devices will look for the collector: a token made before
// public_url was set would send three hundred of them to themselves.
func whereTo(token string) string {
	t, err := pki.ParseToken(token)
	if err != nil || len(t.Addresses) == 0 {
		return "" // a later collector's
	}
	said := "Devices look for the collector at " + strings.Join(t.Addresses, ", ") + "."
	for _, address := range t.Addresses {
		host, _, err := net.SplitHostPort(address)
		at, _ := netip.ParseAddr(host) // or it is a name
		if err == nil && (host == "localhost" || at.IsLoopback() || at.IsUnspecified()) {
			return said + " On a device " + host + " is the device itself: set public_url (or agent_addresses) in collector.yaml, restart the collector, and make another token."
		}
	}
	return said
}

func tokenListVerb() cli.Command {
	return adminVerb{
		name: "token list", args: "[--all]", short: "List the tokens that work: what each still admits, until when, and who made it.", call: "token/list",
		example: "safelight-collector token list --all --json",
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			all := fs.Bool("all", false, "those too that are used up, expired or ended")
			return func(args []string) (any, error) { return admin.TokenList{All: *all}, cli.NoArgs(args) }
		},
		say: sayAs("%s\t%s\t%s\t%d of %d left\tuntil %s\tmade %s by %s\n", func(d admin.TokenRow) []any {
			site, by, state := d.Site, d.By, d.State
			if site == "" {
				site = "no site"
			}
			if by == "" {
				by = "somebody (not kept)"
			}
			if d.Ended != nil {
				state += " " + when(*d.Ended)
			}
			return []any{d.ID, site, state, d.Left, d.Uses, when(d.Expires), when(d.Created), by}
		}),
	}.command()
}

func tokenEndVerb() cli.Command {
	return adminVerb{
		name: "token end", args: "ID", short: "End a token before its time; the devices that it admitted stay.", call: "token/end",
		example: "safelight-collector token end 6f1c9a52-8a07-4f6e-9d43-0b5a4f0f7c21", request: named("token's id (`token list` shows them)"), say: sayDone,
	}.command()
}
