package rules

import "slices"

// CleanHost gives a host name in lower-case A-labels (RFC 5890) without a final
// dot, as rules are compiled from and observations are looked up by: labels of
// letters, digits, hyphens and underscores, 253 bytes at most. Whoever reads
// names from elsewhere cleans them with it.
func CleanHost(s string) (string, error) { return cleanHost(s) }

// IsAddress reports whether a clean host is an IPv4 address, which is no name.
func IsAddress(host string) bool { return isAddress(host) }

// IsShared reports whether strangers register their own names under a clean
// name, so that a rule on it would flag half a country.
func IsShared(name string) bool { return slices.Contains(sharedSuffixes, name) }

// IsProtected reports whether nothing may flag host, or a name it lies beneath
// (G5).
func (rs *Ruleset) IsProtected(host string) bool { return rs.isProtected(host) }
