package rules

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folds maps a letter outside ASCII to the plain letters it is read as: case,
// accents, full-width, circled and mathematical letters, ligatures. It is made
// once from Unicode's own tables; running them for each input costs twenty
// times as much.
var folds = sync.OnceValue(func() map[rune]string {
	table := map[rune]string{
		'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d",
		'ł': "l", 'Ł': "l", 'ı': "i", 'ħ': "h", 'Ħ': "h", 'ŧ': "t", 'Ŧ': "t", 'ð': "d", 'Ð': "d", 'ɑ': "a", 'ɡ': "g",
		'ɩ': "i", 'ʀ': "r", 'ꜱ': "s", 'ᴀ': "a", 'ʙ': "b", 'ᴄ': "c", 'ᴅ': "d", 'ᴇ': "e", 'ɢ': "g", 'ʜ': "h", 'ɪ': "i",
		'ᴊ': "j", 'ᴋ': "k", 'ʟ': "l", 'ᴍ': "m", 'ɴ': "n", 'ᴏ': "o", 'ᴘ': "p", 'ᴛ': "t", 'ᴜ': "u", 'ᴠ': "v", 'ᴡ': "w",
		'ʏ': "y", 'ᴢ': "z", 'ɛ': "e", 'ƨ': "s", 'ǝ': "e",
	}
	for _, span := range [][2]rune{
		{0x00a0, 0x024f},
		{0x1e00, 0x1eff},
		{0x2070, 0x218f},
		{0x2460, 0x24ff},
		{0xa770, 0xa7ff},
		{0xfb00, 0xfb06},
		{0xff01, 0xff5e},
		{0x1d400, 0x1d7ff},
		{0x1f110, 0x1f149},
	} {
		for r := span[0]; r <= span[1]; r++ {
			if s := plain(r); s != "" && table[r] == "" {
				table[r] = s
			}
		}
	}
	for i := range rune(26) { // squared and circled white on black: no decomposition
		table[0x1f150+i], table[0x1f170+i] = string('a'+i), string('a'+i)
	}
	return table
})

// plain decomposes a letter and keeps what is ASCII, if all of it is.
func plain(r rune) string {
	var out []byte
	for _, d := range norm.NFKD.String(string(r)) {
		d = unicode.ToLower(d)
		switch {
		case isJoiner(d), d == '(' || d == ')':
		case d < utf8.RuneSelf && isWordByte(byte(d)):
			out = append(out, byte(d))
		default:
			return ""
		}
	}
	return string(out)
}

func isWordByte(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }

// isJoiner reports runes that are drawn on or between letters and are not read:
// Latin accents, zero-width characters, soft hyphens, variation selectors.
// Vowel signs of other scripts are letters to us and stay.
func isJoiner(r rune) bool {
	switch {
	case r >= 0x0300 && r <= 0x036f, r >= 0x1ab0 && r <= 0x1aff, r >= 0x1dc0 && r <= 0x1dff, r >= 0x20d0 && r <= 0x20ff:
		return true
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe01ef, r == 0x00ad, r == 0x034f, r == 0x2060, r == 0xfeff:
		return true
	}
	return r >= 0x200b && r <= 0x200f
}

// isApostrophe reports the marks that stand inside words: don't is dont.
func isApostrophe(r rune) bool {
	return r == '\'' || r == 0x2019 || r == 0x2018 || r == 0x02bc || r == '`' || r == 0x00b4
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
