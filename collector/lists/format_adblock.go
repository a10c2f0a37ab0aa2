package lists

import "bytes"

// adblock is what blockers in browsers read, of which only rules about whole
// sites are of use here:
//
//	! a comment
//	||example.org^               the site
//	||example.org^$important     so too: options that take nothing away
//	@@||good.example.org^        not this one
//	||example.org/banner         a page: left out
//	example.org##.banner         a part of a page: left out
type adblock struct{}

// wide are options that leave a rule one about a whole site.
var wide = map[string]bool{"important": true, "all": true, "document": true, "doc": true}

func (adblock) line(text []byte, out *intake) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0 || text[0] == '!' || text[0] == '[':
		return
	case isCosmetic(text):
		out.skip(Cosmetic)
		return
	}
	rule, allow := bytes.CutPrefix(text, []byte("@@"))
	rule, site := bytes.CutPrefix(rule, []byte("||"))
	if !site {
		out.skip(Pattern)
		return
	}
	name, why := siteOf(rule)
	switch {
	case why != "":
		out.skip(why)
	case allow:
		out.except(name)
	default:
		out.name(name)
	}
}

// isCosmetic says whether a rule hides parts of pages: ##, #@#, #?#, #$#, #%#.
func isCosmetic(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '#' {
			continue
		}
		rest := bytes.TrimLeft(text[i+1:], "@?$%")
		if len(rest) > 0 && rest[0] == '#' {
			return true
		}
	}
	return false
}

// siteOf reads what stands between || and the end of a rule, or says why it is
// not about a whole site.
func siteOf(rule []byte) (name []byte, why Reason) {
	name, options, has := bytes.Cut(rule, []byte("$"))
	if has {
		for option := range bytes.SplitSeq(options, []byte(",")) {
			if !wide[string(option)] {
				return nil, Options
			}
		}
	}
	name, bounded := bytes.CutSuffix(name, []byte("^"))
	switch {
	case bytes.IndexByte(name, '/') >= 0 || bytes.IndexByte(name, '?') >= 0:
		return nil, Page
	case !bounded || bytes.ContainsAny(bytes.TrimPrefix(name, []byte("*.")), "*^|"):
		return nil, Pattern
	}
	return name, ""
}
