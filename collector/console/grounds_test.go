package console

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules/phrases"
)

// spelt is a search that was not written plainly, with all that a verdict can say.
func (h *house) spelt() string {
	return h.raise(model.Event{
		Device: "device-3", Observed: at(10, 41), Kind: event.Search, Name: "s3lf h4rm and other things", Match: "s3lf h4rm", Via: event.ViaBrowser,
		Account: "dp14", Process: "firefox", Category: "self-harm", Severity: event.Urgent, Rule: "self-harm/sh-003",
		NotSeen: []string{"search words only; what was opened afterwards is unknown"},
		Grounds: event.Grounds{
			ReadAs: "self harm", How: []string{"digits read as letters", "stretched letters"},
			Evidence: []event.Evidence{{Rule: "self-harm/sh-009", Match: "other thingummies", Weight: 40}},
			Scope:    "years 7, 8, 9; on premises", Raised: "raised from high to urgent: match number 3 of this category in 1 hour", Unfiltered: true,
		},
	})
}

// listed is a site on somebody's list.
func (h *house) listed(list, account string) string {
	return h.raise(model.Event{
		Device: "device-5", Observed: at(9, 5), Name: "bets.example", Match: "bets.example", Via: event.ViaDNS, Account: account, Process: "chromium",
		Category: "gambling", Severity: event.Low, Outcome: model.OutcomeAttempted, Rule: "gambling/list/" + list, Grounds: event.Grounds{List: list},
		NotSeen: []string{"domain only; page content unknown", searchesUnseen},
	})
}

func TestG02AnAlertSaysInPlainWordsHowItsRuleCameToMatch(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	ref := h.spelt()
	page := b.get("/a/" + ref)
	want(t, page, http.StatusOK,
		"The words were written with digits or signs for letters and with letters drawn out, and were read as plain ones. Such a reading can be wrong.",
		"Another phrase on the self-harm list was in the same text, and counted too.",
		"The rule does not hold for everybody, only for: years 7, 8, 9; on premises.",
		"Raised from high to urgent: match number 3 of this category in 1 hour.",
		"There is no web filter where this device is, so that more can be reached there. That says nothing about who used it.")
	wantNot(t, page, "s3lf", "read as <", "thingummies", "The rule makes it urgent", wordsSeen)
	want(t, b.post("/a/"+ref+"/words"), http.StatusOK, "s3lf h4rm", `read as <span class="any">“self harm”</span>`, `beside it <span class="any">“other thingummies”</span>`)
}

// together is an alert by words that count together.
func (h *house) together() string {
	const rule = "self-harm/sh-w"
	return h.raise(model.Event{
		Device: "device-3", Observed: at(10, 41), Kind: event.Search, Name: "thingummy that nobody notices in long sleeves", Match: "nobody notices in long sleeves", Via: event.ViaBrowser,
		Account: "dp30", Process: "firefox", Category: "self-harm", Severity: event.High, Rule: rule,
		Grounds: event.Grounds{Evidence: []event.Evidence{{Rule: rule, Match: "long sleeves", Weight: 70}, {Rule: rule, Match: "nobody notices", Weight: 50}}},
	})
}

// G15: a sum of ordinary words is told as a likeness, and which words they were.
func TestG15AnAlertByWordsThatCountTogetherSaysThatNoneDoesAlone(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	ref := h.together()
	page := b.get("/a/" + ref)
	want(t, page, http.StatusOK, "It is told for several words, which each have ordinary uses. Together they are often found in what is on the self-harm list.",
		": a search held words that together are often on the ")
	wantNot(t, page, "other phrases", "sleeves", "a search matched")
	want(t, page, http.StatusOK, "One search, with words that together are often on the self-harm list.")
	want(t, b.post("/a/"+ref+"/words"), http.StatusOK, `what counted together: <span class="any">“long sleeves”</span>, <span class="any">“nobody notices”</span>`)
}

func TestAnAlertSaysWhoseListASiteIsOn(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	for _, c := range []struct{ list, account, says string }{
		{"invented-bets", "dp30", "The site is on the list invented-bets by Invented lists (licence CC-BY-SA-4.0). Lists can be wrong or out of date."},
		{"our-blocks", "dp03", "The site is on the list our-blocks, which was written with the rules. Lists can be wrong or out of date."},
		{"of-old", "dp21", "The site is on a list called of-old, which the rules in force no longer have."},
	} {
		page := b.get("/a/" + h.listed(c.list, c.account))
		want(t, page, http.StatusOK, c.says)
		wantNot(t, page, "bets.example")
		if n := strings.Count(page.Body.String(), wordsSeen); n != 1 {
			t.Errorf("it says %d times that searches are not seen", n)
		}
	}
}

// G2 the other way round: where searches are seen, nobody is told that they are not.
func TestG02ADeviceThatSeesSearchesIsNotSaidToSeeNone(t *testing.T) {
	seeing := model.Event{Kind: event.Domain, NotSeen: []string{"domain only; page content unknown"}}
	if slices.Contains(notSeen(seeing), wordsSeen) {
		t.Error("it says that searches are not seen")
	}
	seeing.NotSeen = append(seeing.NotSeen, searchesUnseen)
	if !slices.Contains(notSeen(seeing), wordsSeen) {
		t.Error("it does not say that searches are not seen")
	}
}

// A way of reading that the engine learns has to be told here too.
func TestEveryWayOfReadingHasItsWords(t *testing.T) {
	ways := (^phrases.How(0)).Words()
	for _, how := range ways {
		if wordsRead(model.Event{Grounds: event.Grounds{How: []string{how}}}) == "" {
			t.Errorf("%q is not worded", how)
		}
	}
	if len(ways) != len(howRead) {
		t.Errorf("%d ways, %d worded", len(ways), len(howRead))
	}
}

func TestG13HowAnErasedSubjectsAlertCameAboutIsErasedToo(t *testing.T) {
	h := newHouse(t)
	ref := h.spelt()
	alert, err := h.store.AlertFor(t.Context(), school, h.user("dsl"), ref)
	must(t, err)
	must(t, h.store.EraseSubject(t.Context(), school, alert.Subject, "The family asked for it", monday))
	page := h.signedIn("dsl").get("/a/" + ref)
	want(t, page, http.StatusOK, "Erased with the account.")
	wantNot(t, page, "digits or signs", "years 7, 8, 9", "no web filter")
}
