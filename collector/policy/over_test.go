package policy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/bundle"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/rules/names"
	safelightv1 "safelight/proto/safelight/v1"
)

// kept is every version of some lists.
type kept map[string][][]string

func (k kept) Current(_ context.Context, id string) (version, names int64, err error) {
	n := len(k[id])
	if n == 0 {
		return 0, 0, nil
	}
	return int64(n), int64(len(k[id][n-1])), nil
}

func (k kept) Names(_ context.Context, id string, version int64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range k[id][version-1] {
			if !yield(name, nil) {
				return
			}
		}
	}
}

func (k kept) Contains(_ context.Context, id string, version int64, host string) (string, bool, error) {
	for name := host; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		if slices.Contains(k[id][version-1], name) {
			return name, true, nil
		}
	}
	return "", false, nil
}

func (k kept) Changes(_ context.Context, id string, from, to int64) iter.Seq2[model.ListChange, error] {
	return func(yield func(model.ListChange, error) bool) {
		was, now := k[id][from-1], k[id][to-1]
		if was == nil {
			yield(model.ListChange{}, errors.New("that version is not kept"))
			return
		}
		for _, name := range was {
			if !slices.Contains(now, name) && !yield(model.ListChange{Name: name, Removed: true}, nil) {
				return
			}
		}
		for _, name := range now {
			if !slices.Contains(was, name) && !yield(model.ListChange{Name: name}, nil) {
				return
			}
		}
	}
}

// subscribed is the test pack with two lists, in its category and one more.
func subscribed(t testing.TB) map[string][]byte {
	files := pack(t, "flagged.test")
	lists := "domains:\n  - flagged.test\n  - {list: a, url: \"https://lists.invented.example/a\", format: domains, licence: CC0-1.0, from: Nobody}\n"
	files["mine/test.yaml"] = []byte(strings.Replace(string(files["mine/test.yaml"]), "domains: [flagged.test]\n", lists, 1))
	other := strings.ReplaceAll(strings.Replace(lists, "list: a", "list: b", 1), "/a\"", "/b\"")
	text := strings.Replace(fmt.Sprintf(ruleFile, "flagged.test"), "domains: [flagged.test]\n", other, 1)
	text = strings.NewReplacer("category: test", "category: other", "flagged.test", "other.test", "title: Test", "title: Other").Replace(text)
	files["mine/other.yaml"] = []byte(text)
	return files
}

func many(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("name-%d.invented.example", i)
	}
	return all
}

// sent is what devices get of the version in force.
func (h *house) sent() map[string][]byte {
	h.t.Helper()
	m := &safelightv1.Manifest{}
	must(h.t, proto.Unmarshal(h.Signed().GetManifest(), m))
	files := map[string][]byte{}
	for _, b := range m.GetBlobs() {
		var err error
		files[b.GetName()], err = h.store.Blob(h.t.Context(), school, [32]byte(b.GetSha256()))
		must(h.t, err)
	}
	return files
}

// says holds what a device would judge of names against what it should: the lists
// each is on, "" for none.
func (h *house) says(want map[string]string) {
	h.t.Helper()
	set, err := bundle.Open(h.sent())
	must(h.t, err)
	for name, list := range want {
		if v := set.Judge(rules.Input{Kind: event.Domain, Text: name}); v.List != list || (v.Decision == rules.Flag) != (list != "") {
			h.t.Errorf("%s: %s of list %q, want %q", name, v.Decision, v.List, list)
		}
	}
}

func TestAListsUpdateCostsDevicesItsDifference(t *testing.T) {
	h := newHouse(t)
	base := many(5000)
	lists := kept{"a": {base}, "b": {{"only-b.invented.example", base[7]}}}
	h.UseLists(lists)
	must(t, h.publish(subscribed(t)))
	first := h.sent()
	if first[bundle.NamesFile] == nil || first[bundle.OverlayFile] != nil {
		t.Fatalf("the first version has %v", slices.Collect(maps.Keys(first)))
	}
	h.says(map[string]string{base[0]: "a", "www." + base[1]: "a", "only-b.invented.example": "b", "new.invented.example": ""})

	lists["a"] = append(lists["a"], append([]string{"new.invented.example", "only-b.invented.example"}, base[10:]...))
	must(t, h.ListsChanged(t.Context()))
	second := h.sent()
	if !bytes.Equal(first[bundle.NamesFile], second[bundle.NamesFile]) || len(second[bundle.OverlayFile]) == 0 || len(second[bundle.OverlayFile]) > 300 {
		t.Errorf("%d bytes of an overlay; the table is the same: %v", len(second[bundle.OverlayFile]), bytes.Equal(first[bundle.NamesFile], second[bundle.NamesFile]))
	}
	h.says(map[string]string{base[0]: "", base[7]: "b", base[10]: "a", "new.invented.example": "a"})

	// And once more: what was laid over it before still holds.
	lists["b"] = append(lists["b"], []string{"late-b.invented.example"})
	must(t, h.ListsChanged(t.Context()))
	third := h.sent()
	if !bytes.Equal(first[bundle.NamesFile], third[bundle.NamesFile]) {
		t.Error("the table was built anew")
	}
	h.says(map[string]string{base[0]: "", base[7]: "", base[10]: "a", "new.invented.example": "a", "only-b.invented.example": "a", "late-b.invented.example": "b"})

	// Nothing new: no new version.
	_, before := h.InForce()
	must(t, h.ListsChanged(t.Context()))
	if _, after := h.InForce(); after != before {
		t.Errorf("serial %d was published for nothing", after)
	}
	all, err := h.store.PolicyHistory(t.Context(), school)
	must(t, err)
	if all[0].By != "lists" || all[0].Reason != "A newer version of the list b." {
		t.Errorf("history says %q by %q", all[0].Reason, all[0].By)
	}
}

// A change of a rule moves the numbers of the rules behind it; the table that
// devices have keeps its own.
func TestAChangedRuleLeavesTheTableAlone(t *testing.T) {
	h := newHouse(t)
	h.UseLists(kept{"a": {many(1000)}, "b": {{"only-b.invented.example", "name-7.invented.example"}}})
	files := subscribed(t)
	must(t, h.publish(files))
	first := h.sent()
	files["mine/another.yaml"] = []byte(strings.NewReplacer("category: test", "category: another", "flagged.test", "another.test", "title: Test", "title: Another").
		Replace(fmt.Sprintf(ruleFile, "flagged.test")))
	must(t, h.publish(files))
	if second := h.sent(); !bytes.Equal(first[bundle.NamesFile], second[bundle.NamesFile]) || bytes.Equal(first[bundle.PolicyFile], second[bundle.PolicyFile]) {
		t.Error("the table was built anew, or the rules are as they were")
	}
	h.says(map[string]string{"name-3.invented.example": "a", "only-b.invented.example": "b"})

	// A subscription that ends takes its names with it, and no fetch.
	delete(files, "mine/other.yaml")
	must(t, h.publish(files))
	if third := h.sent(); !bytes.Equal(first[bundle.NamesFile], third[bundle.NamesFile]) {
		t.Error("the table was built anew")
	}
	h.says(map[string]string{"name-3.invented.example": "a", "name-7.invented.example": "a", "only-b.invented.example": ""})
}

func TestTheTableIsBuiltAnewWhenItIsDue(t *testing.T) {
	base := many(1000)
	for name, change := range map[string]func(h *house, lists kept){
		"too much has changed": func(_ *house, l kept) { l["a"] = append(l["a"], base[:900]) },
		"nobody knows what has": func(_ *house, l kept) {
			l["a"] = append(l["a"], append([]string{"new.invented.example"}, base...))
			l["a"][0] = nil
		},
		"another list came": func(_ *house, l kept) { l["b"] = [][]string{{"only-b.invented.example"}} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			lists := kept{"a": {slices.Clone(base)}}
			h.UseLists(lists)
			must(t, h.publish(subscribed(t)))
			first := h.sent()
			change(h, lists)
			must(t, h.ListsChanged(t.Context()))
			if second := h.sent(); bytes.Equal(first[bundle.NamesFile], second[bundle.NamesFile]) || second[bundle.OverlayFile] != nil {
				t.Error("the old table serves on")
			}
			newest := lists["a"][len(lists["a"])-1]
			h.says(map[string]string{newest[0]: "a", newest[len(newest)-1]: "a", "no.invented.example": ""})
		})
	}
}

func TestAnOldTableIsBuiltAnewAfterAMonth(t *testing.T) {
	h, now := newHouse(t), noon
	ring, err := policy.NewRing(policyKey(t))
	must(t, err)
	p, err := policy.NewPublisherOn(t.Context(), school, ring, shipped(t), h.store, func() time.Time { return now })
	must(t, err)
	h.Publisher = p
	base := many(1000)
	lists := kept{"a": {base}}
	p.UseLists(lists)
	must(t, h.publish(subscribed(t)))
	first := h.sent()
	now = now.Add(40 * 24 * time.Hour)
	lists["a"] = append(lists["a"], base[1:])
	must(t, h.ListsChanged(t.Context()))
	if bytes.Equal(first[bundle.NamesFile], h.sent()[bundle.NamesFile]) {
		t.Error("the old table serves on")
	}
}

func TestAListInAFileThatChangedIsBuiltAnew(t *testing.T) {
	h := newHouse(t)
	h.UseLists(kept{"a": {many(1000)}})
	files := subscribed(t)
	files["mine/test.yaml"] = []byte(strings.Replace(string(files["mine/test.yaml"]), "  - flagged.test\n", "  - flagged.test\n  - {file: blocks.txt, format: domains}\n", 1))
	files["mine/blocks.txt"] = []byte("old.invented.example\n")
	must(t, h.publish(files))
	first := h.sent()
	must(t, h.publish(files))
	if !bytes.Equal(first[bundle.NamesFile], h.sent()[bundle.NamesFile]) {
		t.Error("the table was built anew for nothing")
	}
	files["mine/blocks.txt"] = []byte("new.invented.example\n")
	must(t, h.publish(files))
	set, err := bundle.Open(h.sent())
	must(t, err)
	for name, want := range map[string]rules.Decision{"new.invented.example": rules.Flag, "old.invented.example": rules.None} {
		if v := set.Judge(rules.Input{Kind: event.Domain, Text: name}); v.Decision != want {
			t.Errorf("%s: %s", name, v.Decision)
		}
	}
}

func TestAListThatCannotBeReadPublishesNothing(t *testing.T) {
	h := newHouse(t)
	h.UseLists(broken{kept{"a": {many(10)}}})
	wantError(t, h.publish(subscribed(t)), "reading list a", "disk")
	h.nothingStored()
}

type broken struct{ kept }

func (broken) Names(context.Context, string, int64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { _ = yield("x.example", nil) && yield("", errors.New("disk")) }
}

// A version that a collector of engine 2 published names its YAML in the manifest.
func TestAVersionOfYAMLStaysReadable(t *testing.T) {
	h := newHouse(t)
	files := pack(t, "flagged.test")
	must(t, h.PublishAsEngine2(t.Context(), files))
	must(t, h.Reload(t.Context()))
	if _, ok := h.Category("test"); !ok {
		t.Error("its category is not known")
	}
	got, err := h.SourcesOfLatest(t.Context())
	must(t, err)
	if len(got) != len(files) || string(got["mine/test.yaml"]) != string(files["mine/test.yaml"]) {
		t.Errorf("its sources are %d files", len(got))
	}
	must(t, h.publish(files))
	if _, serial := h.InForce(); serial != 2 || h.sent()[bundle.PolicyFile] == nil {
		t.Error("what follows it is not compiled")
	}
}

// What is laid over a table passes the sieve that the table's own names passed:
// a change must not bring what a list may not hold.
func TestG05AChangeOfAListFlagsNoHelplineAndNoProtectedSite(t *testing.T) {
	h := newHouse(t)
	lists := kept{"a": {many(3000)}}
	h.UseLists(lists)
	must(t, h.publish(subscribed(t)))
	lists["a"] = append(lists["a"], append(many(3000), "childline.org.uk", "www.samaritans.org", "www.nhs.uk", "odd.123", "co.uk", "new.invented.example"))
	must(t, h.ListsChanged(t.Context()))
	h.says(map[string]string{"new.invented.example": "a", "childline.org.uk": "", "www.samaritans.org": "", "www.nhs.uk": "", "shop.co.uk": ""})
	laid, err := names.OpenOverlay(h.sent()[bundle.OverlayFile])
	must(t, err)
	if laid.Len() != 1 {
		t.Errorf("%d names were laid over the table, want the one that may be", laid.Len())
	}
}

// slow is a list that is read for as long as somebody wants.
type slow struct {
	kept
	begun, end chan struct{}
}

func (s slow) Names(ctx context.Context, id string, version int64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		close(s.begun)
		<-s.end
		s.kept.Names(ctx, id, version)(yield)
	}
}

// A list of millions takes many seconds to publish: nobody who opens an alert
// meanwhile, and no device that asks for its policy, may wait for that.
func TestNobodyWaitsForAPublication(t *testing.T) {
	h := newHouse(t)
	must(t, h.publish(pack(t, "flagged.test")))
	lists := slow{kept{"a": {many(10)}}, make(chan struct{}), make(chan struct{})}
	h.UseLists(lists)
	done := make(chan error, 1)
	go func() { done <- h.publish(subscribed(t)) }()
	<-lists.begun
	if _, ok := h.Category("test"); !ok || h.Signed() == nil || h.Rules() == nil {
		t.Error("nothing is in force while rules are published")
	}
	close(lists.end)
	must(t, <-done)
	h.says(map[string]string{"name-3.invented.example": "a"})
}

// between is lists of which a moment ago another version was in force.
type between struct {
	kept
	meanwhile func()
}

func (b *between) Current(ctx context.Context, id string) (version, names int64, err error) {
	version, names, err = b.kept.Current(ctx, id)
	if meanwhile := b.meanwhile; id == "a" && meanwhile != nil {
		b.meanwhile = nil
		newest := b.kept["a"]
		b.kept["a"] = newest[:len(newest)-1]
		meanwhile()
		b.kept["a"] = newest
	}
	return version, names, err
}

func TestARuleChangeThatComesBetweenDoesNotKeepANewListFromDevices(t *testing.T) {
	h := newHouse(t)
	lists := &between{kept: kept{"a": {many(100)}, "b": {many(10)}}}
	h.UseLists(lists)
	files := subscribed(t)
	must(t, h.publish(files))
	lists.kept["a"] = append(lists.kept["a"], append(many(100), "new.invented.example"))
	lists.meanwhile = func() { // begun before the list changed, in force before its rules were made
		files["mine/pack.yaml"] = append(files["mine/pack.yaml"], '\n')
		must(t, h.publish(files))
	}
	must(t, h.ListsChanged(t.Context()))
	h.says(map[string]string{"new.invented.example": "a"})
}
