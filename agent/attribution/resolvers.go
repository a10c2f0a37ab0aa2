package attribution

import "strings"

// resolvers are the programs that look names up for others. What they ask says
// nothing of who wanted to know.
var resolvers = map[string]bool{
	"systemd-resolved": true, "dnsmasq": true, "nscd": true, "unbound": true, "named": true, "stubby": true,
	"dnscrypt-proxy": true, "pdnsd": true, "kresd": true, "coredns": true, "AdGuardHome": true, "pihole-FTL": true,
	"cloudflared": true, "connmand": true, "dnsdist": true, "pdns_recursor": true, "blocky": true, "smartdns": true,
	"avahi-daemon": true, "tailscaled": true, "sssd_be": true, "dnsproxy": true, "routedns": true, "mDNSResponder": true, "mDNSResponderHelper": true,
}

// resolver says whether a process looks names up for others: one of these
// programs, run by the system. One that a person runs is that person's.
func resolver(exe, name string, uid uint32) bool {
	return !person(uid) && resolves(exe, name)
}

func resolves(exe, name string) bool {
	return resolvers[exe[strings.LastIndexByte(exe, '/')+1:]] || (exe == "" && resolvers[name])
}

// resolverAccounts are the accounts that only resolvers run under, by which one
// is known that was gone before it could be looked at.
var resolverAccounts = map[string]bool{
	"systemd-resolve": true, "dnsmasq": true, "nscd": true, "unbound": true, "bind": true, "named": true, "stubby": true,
	"dnscrypt-proxy": true, "_dnscrypt-proxy": true, "pdns": true, "knot-resolver": true, "pihole": true, "avahi": true, "sssd": true, "_mdnsresponder": true,
}
