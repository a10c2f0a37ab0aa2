package phrases

import (
	"unicode"
	"unicode/utf8"
)

// ascii says what to do with a byte: a small letter is added, anything else is
// one of the kinds below.
var ascii = func() (t [256]byte) {
	for c := range byte(26) {
		t['a'+c], t['A'+c] = 'a'+c, 'a'+c
	}
	for _, c := range []byte("0123456789!|@$+'`") {
		t[c] = lookCloser
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = lookCloser
	}
	for _, c := range []byte(".-_*~") {
		t[c] = pieceSign
	}
	return t
}()

const (
	endsWord   = iota // anything else
	pieceSign         // ends a word, and may stand between pieces of one; see isPieceGap
	lookCloser        // digits, signs that may be letters, the first byte of a wider rune
)

func isSmall(b byte) bool { return b >= 'a' && b <= 'z' }

func isWordByte(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }

// foldOf gives the plain letters a rune outside ASCII is read as, as up to four
// bytes of UTF-8 with the first lowest; 0 if it is read as it stands.
func foldOf(r rune) uint32 {
	page := uint32(r) >> 8
	if page >= uint32(len(foldPage)) {
		return 0
	}
	return foldData[uint32(foldPage[page])<<8|uint32(r)&0xff]
}

// howFolded says how a rune that foldOf reads as f differs from plain letters.
func howFolded(r rune, f uint32) How {
	switch {
	case r >= 0xff00 && r <= 0xffef:
		return FullWidth
	case r < 0x0250 || r >= 0x1e00 && r < 0x1f00:
		return Accents
	case r >= 0x0370 && r < 0x1d00 || r >= 0x1f00 && r < 0x2000:
		if packed(unicode.ToLower(r)) == f {
			return 0 // case alone
		}
		if isArabic(r) {
			return 0 // a keyboard's own code for a letter, a hamza left out: as people write
		}
		return Accents
	}
	return Styled
}

// isArabic reports the letters that Arabic, Urdu and their like are typed with.
func isArabic(r rune) bool { return r >= 0x0620 && r <= 0x06ff }

// packed gives a rune as foldOf does.
func packed(r rune) (f uint32) {
	var b [utf8.UTFMax]byte
	for i := range utf8.EncodeRune(b[:], r) {
		f |= uint32(b[i]) << (8 * i)
	}
	return f
}

// joiner reports runes that are drawn on or between letters and are not read,
// and what it is to pass over them: accents, and vowel points of Arabic and
// Hebrew, which people mostly leave out; zero-width characters, soft hyphens,
// variation selectors. Vowel signs of other scripts are letters to us and stay.
func joiner(r rune) (How, bool) {
	switch {
	case r >= 0x0300 && r <= 0x036f && r != 0x034f, r >= 0x1ab0 && r <= 0x1aff, r >= 0x1dc0 && r <= 0x1dff, r >= 0x20d0 && r <= 0x20ff:
		return Accents, true
	case r >= 0x0591 && r <= 0x05bd, r == 0x05bf, r == 0x05c1, r == 0x05c2, r == 0x05c4, r == 0x05c5, r == 0x05c7,
		r >= 0x0610 && r <= 0x061a, r >= 0x064b && r <= 0x065f, r == 0x0670, r >= 0x06d6 && r <= 0x06dc:
		return Accents, true
	case r == 0x093c, r == 0x0a3c: // the dot of Hindi and Punjabi, which people leave out as often
		return 0, true
	case r == 0x0640: // tatweel
		return Stretched, true
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe01ef, r == 0x00ad, r == 0x034f, r == 0x2060, r == 0xfeff, r >= 0x200b && r <= 0x200f:
		return Hidden, true
	}
	return 0, false
}

// isApostrophe reports the marks that stand inside words: don't is dont.
func isApostrophe(r rune) bool {
	return r == '\'' || r == 0x2019 || r == 0x2018 || r == 0x02bc || r == '`' || r == 0x00b4
}

// isGlued reports letters of scripts that write no spaces between words: Han,
// kana, Thai, Lao, Burmese, Khmer.
func isGlued(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r <= 0x0eff, r >= 0x1000 && r <= 0x109f, r >= 0x1780 && r <= 0x17ff:
		return true
	case r >= 0x2e80 && r <= 0x2fdf, r >= 0x3005 && r <= 0x3007, r >= 0x3040 && r <= 0x30ff, r >= 0x31f0 && r <= 0x31ff:
		return true
	case r >= 0x3400 && r <= 0x4dbf, r >= 0x4e00 && r <= 0x9fff, r >= 0xaa60 && r <= 0xaa7f, r >= 0xf900 && r <= 0xfaff:
		return true
	}
	return r >= 0xff66 && r <= 0xff9f || r >= 0x20000 && r <= 0x3ffff
}

// lookAlikes are Cyrillic and Greek letters drawn like Latin ones. They count
// only in a word that also has a Latin letter, so that no Ukrainian or Greek
// word is ever read as an English one (G6).
var lookAlikes = map[rune]byte{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'һ': 'h', 'н': 'h', 'і': 'i', 'ї': 'i', 'ј': 'j', 'к': 'k',
	'ӏ': 'l', 'м': 'm', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ѡ': 'w', 'ԝ': 'w', 'х': 'x',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'γ': 'y',
	'ω': 'w', 'σ': 'o', 'μ': 'u',
}

// leet reads a digit or sign as the letter it stands for; one is what 1, ! and
// | stand for this time, since people use them for both i and l.
func leet(r rune, one byte) byte {
	switch r {
	case '0':
		return 'o'
	case '1', '!', '|':
		return one
	case '3', '€':
		return 'e'
	case '4', '@':
		return 'a'
	case '5', '$':
		return 's'
	case '7', '+':
		return 't'
	case '8':
		return 'b'
	case '9':
		return 'g'
	}
	return 0
}
