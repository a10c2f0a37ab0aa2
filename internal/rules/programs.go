package rules

import "strings"

// programName folds a program's name as a device reports it, or its path, to
// the form rules are kept in: the file's name, small letters, no .exe or .app.
func programName(s string) string {
	s = strings.TrimRight(foldPath(s), "/")
	s = s[strings.LastIndexByte(s, '/')+1:]
	for _, suffix := range []string{".exe", ".app"} {
		if base, ok := strings.CutSuffix(s, suffix); ok && base != "" {
			return base
		}
	}
	return s
}

// foldPath gives a path in small letters and with slashes, so that one glob
// serves Windows and the others.
func foldPath(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), `\`, "/")
}

// glob matches a folded path against a pattern in which * is any run of
// characters, slashes too, and ? any one byte. It never backtracks further than
// the last star, so its cost is bounded by the product of the two lengths.
func glob(pattern, path string) bool {
	p, s, star, mark := 0, 0, -1, 0
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, s
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == path[s]):
			p++
			s++
		case star >= 0:
			mark++
			p, s = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
