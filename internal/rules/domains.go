package rules

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/idna"
)

// sharedSuffixes are names under which strangers register their own: a rule on
// one of them would flag half a country. Names of one label are refused anyway.
var sharedSuffixes = []string{
	"co.uk", "org.uk", "ac.uk", "gov.uk", "sch.uk", "ltd.uk", "me.uk", "net.uk", "plc.uk", "police.uk", "nhs.uk",
	"gov.scot", "gov.wales", "com.au", "com.br", "co.jp", "co.nz", "co.za", "co.in", "com.pl", "com.ua",
	"github.io", "gitlab.io", "netlify.app", "vercel.app", "pages.dev", "web.app", "blogspot.com", "wordpress.com",
	"cloudfront.net", "amazonaws.com", "azurewebsites.net", "googleusercontent.com", "sharepoint.com",
}

// hostProfile is built once: it holds Unicode tables.
var hostProfile = sync.OnceValue(func() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))
})

// cleanHost gives a host name in lower-case A-labels without a final dot. An
// ordinary name costs one look and no allocation.
func cleanHost(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	if isCleanHost(s) {
		return s, nil
	}
	if small := strings.ToLower(s); isCleanHost(small) { // IDNA would refuse ab--cd, which there is
		return small, nil
	}
	if s == "" || len(s) > 1024 || strings.ContainsAny(s, " /\\:@?#*\t") {
		return "", fmt.Errorf("host name %q is not one", clip(s))
	}
	name, err := hostProfile().ToASCII(s)
	if name = strings.TrimSuffix(name, "."); err != nil || !isCleanHost(name) {
		return "", fmt.Errorf("host name %q is not one", clip(s))
	}
	return name, nil
}

// sameSpelling reports whether text has its letters where the host cleaned from it
// has them.
func sameSpelling(text, host string) bool {
	text = strings.TrimSuffix(text, ".")
	return len(text) == len(host) && strings.EqualFold(text, host) // no other letter that folds to one of ASCII is as short
}

// isCleanHost reports whether s is already what cleanHost makes: labels of 1
// to 63 small letters, digits, hyphens and underscores, 253 bytes in all.
func isCleanHost(s string) bool {
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0 && len(s) <= 253
}

// isAddress reports an IPv4 address; no name's last label ends in a digit, and
// cleanHost lets no IPv6 address through.
func isAddress(host string) bool {
	if c := host[len(host)-1]; c < '0' || c > '9' {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// parents calls visit with host and each of its parents, down to two labels,
// the most specific first, until visit returns false. An address has none.
func parents(host string, visit func(name string) bool) {
	if isAddress(host) {
		return
	}
	for name := host; strings.IndexByte(name, '.') >= 0; {
		if !visit(name) {
			return
		}
		_, name, _ = strings.Cut(name, ".")
	}
}
