package lookalike

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Set finds names drawn like some of its own. It never changes once made and is
// safe for use by several goroutines.
type Set struct {
	names  []string
	byForm map[string]int
}

// New makes a set of names in lower-case A-labels. Of several with one skeleton
// the first counts.
func New(names []string) *Set {
	s := &Set{names: names, byForm: make(map[string]int, len(names))}
	for i, name := range names {
		form := Skeleton(name)
		if _, taken := s.byForm[form]; !taken {
			s.byForm[form] = i
		}
	}
	return s
}

// Find gives the place of the name that host, or a name above it, is drawn like
// without being it, and where that part of host begins. A name of the set and
// what lies beneath it are never found. host is in lower-case A-labels; an
// ordinary one costs no allocation.
func (s *Set) Find(host string) (index, start int, ok bool) {
	if len(s.names) == 0 || s.within(host) {
		return 0, 0, false
	}
	var room [256]byte
	var starts [128]int // where labels of the skeleton begin, from the left
	form := room[:0]
	labels := 0
	for rest := host; labels < len(starts); {
		label, more, dot := strings.Cut(rest, ".")
		starts[labels] = len(form)
		labels++
		form = appendSkeleton(form, label)
		if !dot {
			break
		}
		form, rest = append(form, '.'), more
	}
	at := 0
	for i := range labels - 1 {
		if n, found := s.byForm[string(form[starts[i]:])]; found {
			return n, at, true
		}
		at += strings.IndexByte(host[at:], '.') + 1
	}
	return 0, 0, false
}

// within reports a host that is one of the names or beneath one.
func (s *Set) within(host string) bool {
	for _, name := range s.names {
		if strings.HasSuffix(host, name) && (len(host) == len(name) || host[len(host)-len(name)-1] == '.') {
			return true
		}
	}
	return false
}

// Skeleton gives the form that names drawn alike have in common. It is for
// comparing and not for showing.
func Skeleton(host string) string {
	var out []byte
	for i, label := range strings.Split(host, ".") {
		if i > 0 {
			out = append(out, '.')
		}
		out = appendSkeleton(out, label)
	}
	return string(out)
}

func appendSkeleton(dst []byte, label string) []byte {
	if strings.HasPrefix(label, "xn--") {
		if u, err := profile().ToUnicode(label); err == nil {
			return appendDrawn(dst, u)
		}
	}
	for i := range len(label) {
		dst = appendLetter(dst, label[i])
	}
	return dst
}

// appendLetter writes what an ASCII letter is drawn like. An i and a 1 are
// drawn like an l, since whoever imitates a name shows it in capitals too.
func appendLetter(dst []byte, b byte) []byte {
	switch b {
	case '0':
		return append(dst, 'o')
	case '1', 'i', '|':
		return append(dst, 'l')
	case 'm':
		return append(dst, "rn"...)
	case 'w':
		return append(dst, "vv"...)
	case '_':
		return append(dst, '-')
	}
	return append(dst, b)
}

// appendDrawn writes what a label of other letters is drawn like: accents left
// out, letters of other alphabets as the Latin ones they resemble.
func appendDrawn(dst []byte, label string) []byte {
	for _, r := range norm.NFKD.String(strings.ToLower(label)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case drawn[r] != "":
			for i := range len(drawn[r]) {
				dst = appendLetter(dst, drawn[r][i])
			}
		case r < unicode.MaxASCII:
			dst = appendLetter(dst, byte(r))
		default:
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

// profile is built once: it holds Unicode tables.
var profile = sync.OnceValue(func() *idna.Profile { return idna.New(idna.StrictDomainName(false)) })

// drawn are letters of other alphabets that look like Latin ones in a name.
var drawn = map[rune]string{
	// Cyrillic
	'а': "a", 'ӕ': "ae", 'в': "b", 'ь': "b", 'с': "c", 'ԁ': "d", 'ԃ': "d", 'е': "e", 'ё': "e", 'є': "e", 'ҽ': "e", 'ғ': "f", 'ԍ': "g",
	'һ': "h", 'н': "h", 'ң': "h", 'і': "i", 'ї': "i", 'ј': "j", 'к': "k", 'ҝ': "k", 'қ': "k", 'ӏ': "l", 'м': "m", 'п': "n", 'и': "n",
	'о': "o", 'ө': "o", 'р': "p", 'ԛ': "q", 'г': "r", 'ѕ': "s", 'т': "t", 'ҭ': "t", 'ц': "u", 'џ': "u", 'ѵ': "v", 'ш': "w", 'щ': "w",
	'ѡ': "w", 'ԝ': "w", 'х': "x", 'ҳ': "x", 'у': "y", 'ү': "y", 'ұ': "y", 'з': "3", 'ӡ': "3", 'б': "6",
	// Greek
	'α': "a", 'β': "b", 'ϲ': "c", 'ε': "e", 'η': "n", 'ι': "i", 'κ': "k", 'ν': "v", 'ο': "o", 'σ': "o", 'ρ': "p", 'τ': "t", 'υ': "u",
	'χ': "x", 'γ': "y", 'ω': "w", 'μ': "u", 'ϳ': "j", 'ζ': "z", 'ς': "c", 'π': "n",
	// Armenian
	'ց': "g", 'հ': "h", 'ո': "n", 'օ': "o", 'ս': "u", 'զ': "q", 'լ': "l", 'ռ': "n", 'ք': "p", 'պ': "w", 'յ': "j", 'ւ': "l",
	// Latin letters that do not decompose
	'ı': "i", 'ɩ': "i", 'ɪ': "i", 'ł': "l", 'ø': "o", 'đ': "d", 'ð': "d", 'ħ': "h", 'ŧ': "t", 'ɡ': "g", 'ɑ': "a", 'ɢ': "g", 'ʀ': "r",
	'ʏ': "y", 'ʟ': "l", 'ɴ': "n", 'ʙ': "b", 'ʜ': "h", 'æ': "ae", 'œ': "oe", 'ß': "b", 'þ': "p", 'ƅ': "b", 'ƽ': "s", 'ƨ': "s", 'ƿ': "p",
	'ʋ': "v", 'ɯ': "w", 'ɓ': "b", 'ɗ': "d", 'ɠ': "g", 'ɦ': "h", 'ƙ': "k", 'ɫ': "l", 'ɲ': "n", 'ŋ': "n", 'ɔ': "o", 'ɵ': "o", 'ƥ': "p",
	'ʂ': "s", 'ƭ': "t", 'ʈ': "t", 'ʉ': "u", 'ƴ': "y", 'ʐ': "z", 'ȷ': "j", 'ɛ': "e", 'ǝ': "e", 'ə': "e", 'ƒ': "f", 'ʼ': "", 'ʹ': "",
	// Others
	'〇': "o", '一': "-", 'ー': "-", '᠆': "-", '‐': "-", '·': "",
}
