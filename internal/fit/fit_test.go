package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"safelight/internal/packdir"
)

const root = "../.."

// Whoever changes a line has to make the weights anew, or they are of other lines
// than those that stand here.
func TestTheWeightsThatShipAreMadeFromTheseLines(t *testing.T) {
	digest, err := digestOf(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range shippedWeights(t) {
		if !strings.Contains(data, "\n"+linesSign+digest+"\n") {
			t.Errorf("%s is of other lines: run `make weights`", name)
		}
	}
}

func shippedWeights(t *testing.T) map[string]string {
	t.Helper()
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, data := range files {
		if strings.HasPrefix(name, "starter/weights/") {
			out[name] = string(data)
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d files of weights", len(out))
	}
	return out
}

// G5: who somebody is speaks for nothing, and words of sex, age and body, names and
// small words not by themselves.
func TestG05NoWeightIsOfWhoSomebodyIs(t *testing.T) {
	fsys := os.DirFS(root)
	langs, err := languages(fsys)
	must(t, err)
	if len(langs) < 10 {
		t.Errorf("lines in %d other languages", len(langs))
	}
	weights := shippedWeights(t)
	for _, lang := range append(langs, "") {
		u, err := unspokenIn(fsys, lang)
		must(t, err)
		r := &reader{never: set(u.never), alone: set(u.alone), sexes: set(u.sexes)}
		if !r.never["muslim"] || !r.never["gay"] || !r.never["autistic"] || !r.alone["girl"] || !r.sexes["girl"] {
			t.Fatal("the lists of words are not those of who somebody is")
		}
		noneIsOf(t, weights, lang, langs, r)
	}
}

// inLang says whether a file of weights is of a language; of English, if of no other.
func inLang(name, lang string, langs []string) bool {
	if lang != "" {
		return strings.HasSuffix(name, "-"+lang+".txt")
	}
	return !slices.ContainsFunc(langs, func(l string) bool { return strings.HasSuffix(name, "-"+l+".txt") })
}

func noneIsOf(t *testing.T, weights map[string]string, lang string, langs []string, r *reader) {
	t.Helper()
	files := 0
	for name, data := range weights {
		if !inLang(name, lang, langs) {
			continue
		}
		files++
		for line := range strings.Lines(data) {
			if line[0] == '#' {
				continue
			}
			words := strings.Fields(line)[1:]
			small := !slices.ContainsFunc(words, func(w string) bool { return !r.alone[w] })
			if slices.ContainsFunc(words, func(w string) bool { return r.never[w] }) || // G5, whatever mayLearn says
				small && (len(words) == 1 || slices.ContainsFunc(words, func(w string) bool { return r.sexes[w] })) {
				t.Errorf("%s weighs %q", name, words)
			}
		}
	}
	if files < 5 {
		t.Errorf("%d files of weights in %q", files, lang)
	}
}

// made is a repository of a few lines.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"packs/starter/pack.yaml":              "pack: starter\ntitle: T\nversion: 1\n",
		"packs/starter/words.yaml":             "words: w\ntitle: T\nwhy: W\nspellings: [{means: blade, typed: [blaid]}]\n",
		"packs/starter/knives.yaml":            "category: knives\ntitle: Knives\nnoun: knives\nabout: A\npurpose: safeguarding\nrisk: life\nseverity: high\nowner: O\nwhy: W\nfirst_steps: [F]\nphrases: [{id: kn-1, text: machete}]\ntests: {hit: [machete], miss: [a blade of grass]}\n",
		linesDir + "/identity.txt":             "muslim",
		linesDir + "/bodies.txt":               "fat",
		linesDir + "/sexes.txt":                "girl girls",
		linesDir + "/small-words.txt":          "a my the with",
		linesDir + "/evasive/knives.txt":       "",
		linesDir + "/ordinary/some.txt":        "",
		linesDir + "/ordinary/near-knives.txt": "sharpen a pencil\n",
		listsDir + "/names.txt":                "Sharlene",
		listsDir + "/ordinary.txt":             "grass seed\n",
	} {
		name = filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(text), 0o644))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsTypedMoreWithHarmHasPointsAndNoOtherWord(t *testing.T) {
	dir := made(t)
	var evasive, ordinary strings.Builder
	for i := range 40 {
		fmt.Fprintf(&evasive, "blaid up my sleeve word%d muslim girl sharlene a girl the girls with girls\n", i)
		fmt.Fprintf(&ordinary, "my homework word%d with the girl\nnew sleeve pattern word%d\ngrass blade word%d\n", i, i, i)
	}
	must(t, os.WriteFile(filepath.Join(dir, linesDir, "evasive/knives.txt"), []byte(evasive.String()), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, linesDir, "ordinary/some.txt"), []byte(ordinary.String()), 0o644))
	must(t, run(dir))
	data, err := os.ReadFile(filepath.Join(dir, packDir, "weights/knives.txt"))
	must(t, err)
	points := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if n, words, ok := strings.Cut(strings.TrimSpace(line), " "); ok && n != "#" {
			points[words] = n
		}
	}
	for _, want := range []string{"blade up", "my sleeve"} { // in its usual spelling
		if n := points[want]; n == "" || n[0] == '-' {
			t.Errorf("%q has %q points in %s", want, n, data)
		}
	}
	for _, none := range []string{"muslim", "girl", "sharlene", "my", "muslim girl", "word1 muslim", "a girl", "the girls", "with girls", "girl the", "grass seed"} {
		if points[none] != "" {
			t.Errorf("%q has points", none)
		}
	}
	must(t, run(dir))
	again, err := os.ReadFile(filepath.Join(dir, packDir, "weights/knives.txt"))
	must(t, err)
	if string(again) != string(data) {
		t.Error("the same lines give other weights")
	}
}

// What people ask a search engine draws the line for itself, however many other lines
// there are; what is put together from parts draws none.
func TestWhatPeopleAskDrawsTheLine(t *testing.T) {
	threshold := func(file string) float64 {
		dir := made(t)
		var evasive, ordinary, asks strings.Builder
		for i := range 60 {
			fmt.Fprintf(&evasive, "blade sleeve word%d\n", i)
			fmt.Fprintf(&ordinary, "homework lunch word%d\nfootball bus word%d\n", i, i)
		}
		for i := range 20 {
			fmt.Fprintf(&asks, "how long is a blade sleeve cover%d\nhow long is a bus%d\n", i, i)
		}
		for name, text := range map[string]string{"evasive/knives.txt": evasive.String(), "ordinary/some.txt": ordinary.String(), file: asks.String()} {
			must(t, os.WriteFile(filepath.Join(dir, linesDir, name), []byte(text), 0o644))
		}
		c, err := readCorpus(dir)
		must(t, err)
		return c.lessonOf(0, c.stands()).threshold(0.4, 0.4)
	}
	asked, parts := threshold("ordinary/asked-all.txt"), threshold("ordinary/parts-all.txt")
	if asked <= parts {
		t.Errorf("the line is drawn at %v with what people ask, at %v with lines put together from parts", asked, parts)
	}
}

// A language has weights of its own: its words are not drowned in another's, and
// those of who somebody is there have none.
func TestALanguageIsTaughtByItsOwnLines(t *testing.T) {
	dir := made(t)
	var evasive, ordinary, english strings.Builder
	for i := range 40 {
		fmt.Fprintf(&evasive, "ostry nóż w rękawie słowo%d muzułmanin ten\n", i)
		fmt.Fprintf(&ordinary, "nowy rękaw słowo%d\nostry zakręt słowo%d ten muzułmanin\n", i, i)
		fmt.Fprintf(&english, "my sleeve word%d\n", i)
	}
	for name, text := range map[string]string{
		"evasive/knives.txt": "blade up my sleeve\n", "ordinary/some.txt": english.String(), "languages/pl/knives.txt": evasive.String(),
		"languages/pl/ordinary.txt": ordinary.String(), "languages/pl/identity.txt": "muzułmanin", "languages/pl/small-words.txt": "ten w",
	} {
		name = filepath.Join(dir, linesDir, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(text), 0o644))
	}
	must(t, run(dir))
	data, err := os.ReadFile(filepath.Join(dir, packDir, "weights/knives-pl.txt"))
	must(t, err)
	if !strings.Contains(string(data), " noz\n") && !strings.Contains(string(data), " ostry noz\n") {
		t.Errorf("a knife has no points:\n%s", data)
	}
	for _, none := range []string{"muzulmanin", " ten\n", "sleeve"} {
		if strings.Contains(string(data), none) {
			t.Errorf("%q has points", none)
		}
	}
}

func TestWeightsOfLinesThatHaveGoneAreTakenOut(t *testing.T) {
	dir := made(t)
	must(t, os.WriteFile(filepath.Join(dir, linesDir, "evasive/knives.txt"), []byte("blade up my sleeve\n"), 0o644))
	must(t, run(dir))
	old := filepath.Join(dir, packDir, "weights/spoons.txt")
	must(t, os.WriteFile(old, []byte("90 spoon\n"), 0o644))
	must(t, run(dir))
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, packDir, "weights/knives.txt")); err != nil {
		t.Error(err)
	}
}

func TestAFileOfNoCategoryIsNamed(t *testing.T) {
	dir := made(t)
	must(t, os.WriteFile(filepath.Join(dir, linesDir, "evasive/spoons.txt"), []byte("a spoon\n"), 0o644))
	if err := run(dir); err == nil || !strings.Contains(err.Error(), `evasive/spoons.txt: no pack has the category "spoons"`) {
		t.Errorf("got %v", err)
	}
}

// The loss at what was learnt is no higher than beside it: the method is that of the
// book.
func TestWhatIsLearntIsWhereTheLossIsLeast(t *testing.T) {
	l := &lesson{features: 3, lines: [][]int32{{0}, {0, 1}, {1}, {1, 2}, {2}, {0, 2}, {}}, noticed: []bool{true, true, false, false, false, true, false}}
	for range l.lines {
		l.weight = append(l.weight, 1)
	}
	const strength = 2.0
	loss := func(m *model) (sum float64) {
		for i, line := range l.lines {
			s := m.score(line)
			if l.noticed[i] {
				s = -s
			}
			sum += math.Log1p(math.Exp(s))
		}
		for _, w := range m.weights {
			sum += math.Abs(w) / strength
		}
		return sum
	}
	m := l.learn(strength)
	least := loss(m)
	for f := range m.weights {
		for _, by := range []float64{-0.2, 0.2} {
			beside := &model{weights: slices.Clone(m.weights), bias: m.bias}
			beside.weights[f] += by
			if loss(beside) < least {
				t.Errorf("weight %d moved by %v: %v is less than %v", f, by, loss(beside), least)
			}
		}
	}
	if m.weights[0] <= 0 || m.weights[1] > 0 {
		t.Errorf("weights %v", m.weights)
	}
}

func TestLinesThatMayNotFlagDoNotWhateverIsLearnt(t *testing.T) {
	held := map[int]heldLine{0: {[]string{"a", "b", "a b"}, 100}, 1: {[]string{"c"}, 100}, 2: {[]string{"d", "e"}, 65}}
	tt := &taught{held: held}
	p := pointsOf{"a": 60, "b": 70, "a b": 20, "c": 90, "d": 40, "e": 40}
	tt.quiet(p)
	for _, l := range held {
		if p.sum(l.texts) >= l.least {
			t.Errorf("%v come to %d", l.texts, p.sum(l.texts))
		}
	}
	if p["c"] != 90 {
		t.Errorf("points %v: those that did no harm were taken", p)
	}
}

func TestNearLinesCountLess(t *testing.T) {
	lines := []scored{{5, 0.25}, {4, 0.25}, {3, 1}, {2, 1}, {1, 1}}
	if got := above(slices.Clone(lines), 0.2); got != 3 {
		t.Errorf("a fifth of what they count is above %v, want 3", got)
	}
	if got := above(slices.Clone(lines), 0); got != 5 {
		t.Errorf("none is above %v, want 5", got)
	}
}

// What is trained on is read as the engine reads it.
func TestFeaturesAreWordsAsTheEngineReadsThem(t *testing.T) {
	c, err := readCorpus(made(t))
	must(t, err)
	got := c.readers[""].features("My BLAID, Sharlene & 2 girls; a blaid")
	want := []string{"blade", "my blade", "blade sharlene", "sharlene 2", "2 girls", "a blade"}
	if !slices.Equal(got, want) {
		t.Errorf("features %q, want %q", got, want)
	}
	if got := slices.Sorted(maps.Keys(set([]string{"a Girl", "girl"}))); !slices.Equal(got, []string{"a", "girl"}) {
		t.Errorf("words of lines: %q", got)
	}
}
