package about

import (
	"strings"
	"testing"
	"unicode"
)

// The grade of Flesch and Kincaid (1975): 0.39 words a sentence + 11.8 syllables a
// word - 15.59. Grade 6 is read by eleven-year-olds. Syllables are counted by
// groups of vowels, which is near enough to notice a page that drifts.
func grade(text string) (grade float64, longest string) {
	var words, syllables, sentences int
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".!?:\n", r) }) {
		fields := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '’' && r != '-' })
		if len(fields) == 0 {
			continue
		}
		sentences++
		words += len(fields)
		if len(fields) > len(strings.Fields(longest)) {
			longest = strings.Join(fields, " ")
		}
		for _, w := range fields {
			syllables += vowels(w)
		}
	}
	return 0.39*float64(words)/float64(sentences) + 11.8*float64(syllables)/float64(words) - 15.59, longest
}

func vowels(word string) int {
	n, in := 0, false
	word = strings.ToLower(word)
	for _, r := range word {
		v := strings.ContainsRune("aeiouy", r)
		if v && !in {
			n++
		}
		in = v
	}
	if strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") && n > 1 {
		n--
	}
	return max(n, 1)
}

// running are the page's own sentences: not the school's, nor the list of
// categories, whose words are what they are.
func running(f Facts) string {
	var all []string
	for _, s := range append(f.Notice().Sections, f.worry()) {
		all = append(all, s.Lead...)
		all = append(all, s.After...)
		if s.ID == "records" || s.ID == "never" {
			all = append(all, s.Points...)
		}
	}
	return strings.Join(all, "\n")
}

func TestAnElevenYearOldCanReadIt(t *testing.T) {
	f := school(t)
	f.Own.More = ""
	all := running(f)
	got, longest := grade(all)
	t.Logf("grade %.1f; the longest sentence: %s", got, longest)
	if got > 4.5 {
		t.Errorf("it reads at grade %.1f, want 4.5 at most", got)
	}
	if n := len(strings.Fields(longest)); n > 26 {
		t.Errorf("a sentence has %d words: %s", n, longest)
	}
	if hard, _ := grade("Notwithstanding organisational considerations, observations necessitating administrative authorisation are transmitted immediately."); hard < 12 {
		t.Errorf("the measure takes hard words for easy ones: grade %.1f", hard)
	}
}

// No threat, no blame, none of our own terms (G15).
func TestG15ThePageNeitherThreatensNorBlames(t *testing.T) {
	for _, f := range []Facts{school(t), {School: "X", AsOf: "today"}} {
		all := strings.ToLower(running(f))
		for _, never := range []string{
			"caught", "offender", "violation", "suspicious", "punish", "police", "consequence", "must not", "forbidden", "inappropriate",
			"packet", "dns", "telemetry", "endpoint", "domain", "metadata", "spool", "compliance",
		} {
			if strings.Contains(all, never) {
				t.Errorf("the page says %q", never)
			}
		}
	}
}
