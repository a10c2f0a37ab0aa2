package people

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"safelight/collector/model"
)

// Limits of a site.
const (
	maxNetworks  = 64
	maxSiteName  = 60
	maxResolvers = 16
)

// CheckSite brings a site into the form in which it is kept, or says what is wrong
// with it.
func CheckSite(s model.Site) (model.Site, error) {
	s.Name = strings.Join(strings.Fields(s.Name), " ")
	odd := strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) })
	if n := utf8.RuneCountInString(s.Name); n == 0 || n > maxSiteName || odd || !utf8.ValidString(s.Name) {
		return s, fmt.Errorf("site %q: want a name of 1 to %d characters of plain text", s.Name, maxSiteName)
	}
	if len(s.Networks) > maxNetworks || len(s.Resolvers) > maxResolvers {
		return s, fmt.Errorf("site %q: want at most %d networks and %d resolver names", s.Name, maxNetworks, maxResolvers)
	}
	var networks []string
	for _, text := range s.Networks {
		prefix, err := network(text)
		if err != nil {
			return s, fmt.Errorf("site %q: %w", s.Name, err)
		}
		networks = append(networks, prefix)
	}
	slices.Sort(networks)
	s.Networks = slices.Compact(networks)
	for i, suffix := range s.Resolvers {
		suffix = strings.ToLower(strings.Trim(suffix, ". "))
		if !strings.Contains(suffix, ".") || strings.ContainsAny(suffix, " /:\\@") || len(suffix) > 253 {
			return s, fmt.Errorf("site %q: resolver name %q: want the domain that its network hands out, like school.example", s.Name, s.Resolvers[i])
		}
		s.Resolvers[i] = suffix
	}
	if len(s.Resolvers) > 0 && len(s.Networks) == 0 {
		return s, fmt.Errorf("site %q: a resolver name alone can be handed out by anybody: give networks too", s.Name)
	}
	return s, nil
}

// network reads a prefix, or an address of its own.
func network(text string) (string, error) {
	text = strings.TrimSpace(text)
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()).String(), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return "", fmt.Errorf("network %q: want addresses like 10.20.0.0/16 or 2001:db8::/32", text)
	}
	if prefix != prefix.Masked() {
		return "", fmt.Errorf("network %q: the address goes beyond its %d bits; did you mean %s?", text, prefix.Bits(), prefix.Masked())
	}
	if prefix.Bits() < 8 {
		return "", fmt.Errorf("network %q: that is a good part of the internet: want at least 8 bits", text)
	}
	return prefix.String(), nil
}
