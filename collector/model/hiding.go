package model

import (
	"cmp"
	"strings"
)

// HidingWords says what hides names, by the words of agents (the fields of their
// status and reports).
var HidingWords = map[string]string{
	"encrypted_dns": "encrypted DNS (DNS over HTTPS)",
	"own_resolver":  "a browser that looks names up by itself",
	"web_proxy":     "a web proxy that browsers ask for sites",
	"dot":           "encrypted DNS (DNS over TLS)",
	"doq":           "encrypted DNS (DNS over QUIC)",
	"ech":           "Encrypted Client Hello",
	"vpn":           "a VPN service",
	"wireguard":     "a WireGuard tunnel",
	"openvpn":       "an OpenVPN tunnel",
	"ike":           "an IPsec tunnel",
	"proxy":         "a proxy service",
}

// hiddenBy comes before a list of such words in what an agent says of a try
// (agent/selfcheck).
const hiddenBy = "able to hide it: "

// Plain writes what an agent said of itself in words for IT: what hides names by its
// name, and other words of programs (some_words) as words. A path, or what else is more
// than such a word, stays as it is.
func Plain(said string) string {
	if before, list, ok := strings.Cut(said, hiddenBy); ok {
		words := strings.Split(list, ", ")
		for i, w := range words {
			words[i] = cmp.Or(HidingWords[w], plainWords(w))
		}
		return plainWords(before) + hiddenBy + strings.Join(words, ", ")
	}
	return plainWords(said)
}

func plainWords(text string) string {
	if !strings.Contains(text, "_") {
		return text
	}
	words := strings.Split(text, " ")
	for i, w := range words {
		bare := strings.Trim(w, ".,;:()“”\"'")
		if !isProgramsWord(bare) {
			continue
		}
		words[i] = strings.Replace(w, bare, cmp.Or(HidingWords[bare], strings.ReplaceAll(bare, "_", " ")), 1)
	}
	return strings.Join(words, " ")
}

// isProgramsWord says whether a word is small letters, digits and underscores, and has
// one of these between two others.
func isProgramsWord(w string) bool {
	return strings.Contains(strings.Trim(w, "_"), "_") && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
