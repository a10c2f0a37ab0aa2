package policy_test

import (
	"strings"
	"testing"
)

// missing is the test pack with two lists, one of whose categories has to miss a
// site more.
func missing(t testing.TB, line string) map[string][]byte {
	t.Helper()
	files := subscribed(t)
	text := string(files["mine/test.yaml"])
	with := strings.Replace(text, "miss: [", "miss: ["+line+", ", 1)
	if with == text {
		t.Fatal("the test pack has no miss lines where this test looks for them")
	}
	files["mine/test.yaml"] = []byte(with)
	return files
}

func TestG05AListIsTriedAgainstWhatTheRulesHaveToMiss(t *testing.T) {
	h := newHouse(t)
	must(t, h.publish(missing(t, "{domain: shop.blades.example}")))
	vet := func(id string, names ...string) string {
		t.Helper()
		lists := kept{id: {names}}
		why, err := h.VetList(t.Context(), id, func(host string) (string, bool, error) { return lists.Contains(t.Context(), id, 1, host) })
		must(t, err)
		return why
	}
	for _, fine := range [][]string{{"good.example"}, {"other.blades.example"}, {"childline.org.uk"}} {
		if why := vet("a", fine...); why != "" {
			t.Errorf("%s: %s", fine, why)
		}
	}
	if why := vet("b", "blades.example"); why != "" {
		t.Errorf("a list of a category that need not miss it: %s", why)
	}
	why := vet("a", "good.example", "blades.example")
	for _, says := range []string{`blades.example in it would flag "shop.blades.example", which "test" has to miss (mine/test.yaml:`, "allow"} {
		if !strings.Contains(why, says) {
			t.Errorf("%q does not say %q", why, says)
		}
	}
	if strings.Contains(why, "good.example") {
		t.Errorf("%q names what is harmless", why)
	}
}

// The same holds the other way round: new rules over a list that is in force.
func TestG05RulesAreNotPublishedOverAListThatFlagsWhatTheyMiss(t *testing.T) {
	h := newHouse(t)
	h.UseLists(kept{"a": {{"blades.example"}}})
	must(t, h.publish(subscribed(t)))
	files := missing(t, "{domain: shop.blades.example}")
	err := h.publish(files)
	if err == nil || !strings.Contains(err.Error(), `blades.example on list a would flag "shop.blades.example"`) {
		t.Errorf("got %v", err)
	}
	if _, serial := h.InForce(); serial != 1 {
		t.Errorf("serial %d is in force", serial)
	}
	text := string(files["mine/test.yaml"])
	files["mine/test.yaml"] = []byte(strings.Replace(text, "domains:\n", "domains:\n  - {allow: [shop.blades.example]}\n", 1))
	must(t, h.publish(files))
	h.says(map[string]string{"shop.blades.example": "", "www.blades.example": "a"})
}
