package hostname

import (
	"net/netip"

	"golang.org/x/net/publicsuffix"
)

// Site gives the name that somebody registered: "www.example.co.uk" belongs to
// the site "example.co.uk". Names that nobody registers, and addresses, are
// sites of their own. host is in the form that Normalise gives.
func Site(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host
	}
	return site
}
