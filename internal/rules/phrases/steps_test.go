package phrases

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// adversarial is a table in which much begins alike, ends alike and stands near
// each other.
func adversarial(t testing.TB) *Table {
	list := []Phrase{
		{Text: "a a a a a a a a a a a a"},
		{Text: "a a a a a a a a a a a b"},
		{Text: "kill him"},
		{Text: "kill"},
		{Text: "self harm"},
		{Text: "to too"},
		{Text: "too to too to too to too to too"},
		{Text: "aa ab"},
		{Text: "aab abb"},
		{Text: "aaa bbb"},
		{Text: "自殺方法"},
		{Text: "自自自自自自自自自自自自自自自自自自自自"},
		{Text: "aaaa", Part: true},
		{Text: "aaaaaaaa", Part: true},
		{Text: "aaab", Part: true},
		{Text: "killing", Part: true},
	}
	for n := 2; n <= MaxAll; n++ {
		list = append(list, Phrase{All: apart("aa", "kill", "tie", "noose", "x y", "bb", "him", "zz")[:n], Within: MaxWithin})
	}
	for n := 2; n <= MaxAll; n++ {
		list = append(list, Phrase{All: slices.Repeat([][]string{{"aa", "kill", "tie", "noose", "x y", "kill him", "him", "zz"}}, n), Within: MaxWithin, Ordered: true})
	}
	for i := range 50 {
		list = append(list, Phrase{All: [][]string{{"zz", "x y"}, {"kill", "kill kill", fmt.Sprintf("w%d", i)}}, Within: MaxWithin, Ordered: true})
		list = append(list, Phrase{All: apart("kill", fmt.Sprintf("w%d", i)), Within: 3, HeadOnly: true})
		list = append(list, Phrase{Text: "kill" + strings.Repeat(" kill", i%MaxWords)})
	}
	for i := range list {
		list[i].Ref = uint32(i)
	}
	return speltTable(t, list, Spelling{"w1", "kill kill kill kill"}, Spelling{"2", "zz"})
}

// Ten times the text costs at most twelve times the work: steps, not seconds.
func TestTenfoldTextCostsAtMostTwelvefoldSteps(t *testing.T) {
	table := adversarial(t)
	for name, unit := range map[string]string{
		"words that begin phrases": "a ", "leet digits": "k1ll h1m ", "letters and dots": "s.e.l.f ", "hits": "kill him ", "one long word": "aaaa",
		"emoji": "😀", "accents": "é", "signs": "@", "pieces": "a.", "spelled out": "k i l l ", "nested words apart": "aa kill tie noose x y bb him zz ",
		"contexts": "kill w1 w2 w3 w4 w5 w49 ", "stretched": "tooo ", "no spaces": "自", "joiners": "\u0301", "apostrophes": "'", "ones": "1a", "ones of both kinds": "k1ll myse1f ", "rows with an i": "i k i l l i, ",
		"look-alikes": "аa", "bad bytes": "\xff", "long gaps": "a" + strings.Repeat(" ", 50), "parts": "aaab", "parts in accents": "áaab", "parts in pieces": "aa-ab",
		"dots": ".", "words of three": "aaa bbb ", "dollars": "$a$ ", "capitals": "kiII ", "other spellings": "w1 2 ", "sets in order": "zz kill ", "sets in order, complete": "aa kill tie noose x y kill him him zz kill ", "sets in order, none": "him ", "a row of capitals": "aIIII", "capitals alone": "I I", "rows with digits": "k 1 l l, ", "one row with digits": "k 1 l l ", "lone ones": "1 a1b ",
	} {
		cost := func(n int) int {
			s := new(Scratch)
			table.Search(s, strings.Repeat(unit, n))
			return s.Steps()
		}
		small, large := cost(400), cost(4000)
		if large > 12*small || small < 400*len(unit)/2 {
			t.Errorf("%s: %d steps, ten times of it %d", name, small, large)
		}
	}
}

// Steps are of use only if they count what takes the time.
func TestStepsFollowWhatATextCosts(t *testing.T) {
	table := adversarial(t)
	s := new(Scratch)
	table.Search(s, strings.Repeat("nothing of it ", 1000))
	idle := s.Steps()
	table.Search(s, strings.Repeat("kill kill kill ", 1000))
	if s.Steps() < 10*idle {
		t.Errorf("%d steps where nothing is found, %d where much is", idle, s.Steps())
	}
}

func TestAThousandHitsAreToldOnceEach(t *testing.T) {
	table := texts(t, "kill", "kill him", "him")
	s := new(Scratch)
	hits := table.Search(s, strings.Repeat("kill h1m s.o ", 1000)+strings.Repeat("kill him ", 1000))
	seen := map[found]How{}
	for _, h := range hits {
		at := found{h.Ref, h.Start, h.End}
		if how, twice := seen[at]; twice {
			t.Fatalf("%v is told twice, by %v and %v", at, how.Words(), h.How.Words())
		}
		seen[at] = h.How
	}
	if len(hits) != 6000 {
		t.Errorf("%d hits, want 6000", len(hits))
	}
	if seen[found{0, 0, 4}] != 0 || seen[found{1, 0, 8}] != Digits {
		t.Errorf("the first hit is read by %v and %v, want the mildest way", seen[found{0, 0, 4}].Words(), seen[found{1, 0, 8}].Words())
	}
}

func TestASearchAllocatesNothingOnceItsRoomIsMade(t *testing.T) {
	table := adversarial(t)
	s := new(Scratch)
	text := "kill h1m k i l l s.e.l.f h4rm tooo too noose aa tie kíll w1 自殺方法 aaaaabэ aaaab " + strings.Repeat("kill him ", 20)
	if allocs := testing.AllocsPerRun(100, func() { table.Search(s, text); table.Plain(s, text) }); allocs != 0 {
		t.Errorf("%v allocations a search", allocs)
	}
}

// Room that a long text took is used again by short ones, and costs them no
// time: clearing it would.
func TestAShortTextAfterALongOneCostsWhatItAlwaysDoes(t *testing.T) {
	table := adversarial(t)
	fresh, used := new(Scratch), new(Scratch)
	table.Search(used, strings.Repeat("aa kill tie noose ", 5000))
	table.Search(used, "kill")
	table.Search(used, "kill")
	table.Search(fresh, "kill")
	if used.Steps() != fresh.Steps() || len(used.near.slots) > len(fresh.near.slots) || used.seen.on {
		t.Errorf("%d steps, want %d; %d slots", used.Steps(), fresh.Steps(), len(used.near.slots))
	}
}

// One table serves every goroutine, each with room of its own.
func TestManySearchesAtOnceFindWhatOneFinds(t *testing.T) {
	table := adversarial(t)
	text := strings.Repeat("kill h1m tooo k i l l noose aa tie w1 自殺方法 aaaab ", 10)
	want := len(table.Search(new(Scratch), text))
	got := make(chan int)
	for range 8 {
		go func() {
			s := new(Scratch)
			for range 5 {
				table.Search(s, text)
			}
			got <- len(s.hits)
		}()
	}
	for range 8 {
		if n := <-got; n != want || want == 0 {
			t.Errorf("%d hits, alone %d", n, want)
		}
	}
}
