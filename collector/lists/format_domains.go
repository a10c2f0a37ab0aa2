package lists

import "bytes"

// domains is a name a line, as most lists are made:
//
//	# a comment
//	example.org
//	*.example.net     the same as example.net
//	.example.com      so too (Squid, dnsmasq)
type domains struct{}

func (domains) line(text []byte, out *intake) {
	text = bytes.TrimSpace(beforeComment(text, "#;!"))
	if len(text) > 0 {
		out.name(text)
	}
}
