package admin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/pki"
)

// TestTokensAreListedWithoutTheirSecretAndEndedByTheirID: what works is told from what
// does not, and from whom it came.
func TestTokensAreListedWithoutTheirSecretAndEndedByTheirID(t *testing.T) {
	h := newHouse(t)
	it := h.user("Demo IT", model.DutyIT, "")
	lost := one[admin.TokenMade](h, "token/create", admin.TokenCreate{Site: "annexe", Uses: 3, Expires: 24 * time.Hour})
	kept := one[admin.TokenMade](h, "token/create", admin.TokenCreate{Uses: 1, Expires: time.Hour})
	for id, c := range map[string]model.Token{
		"gone":  {Uses: 1, Expires: noon.Add(-time.Minute)},
		"spent": {Uses: 2, Used: 2, Expires: noon.Add(time.Hour)},
	} {
		c.School, c.ID, c.Hash, c.Created = school, id, []byte(id), noon.Add(-time.Hour)
		must(t, h.store.AddToken(model.WithActor(t.Context(), model.Actor{Who: model.UserActor(it.ID)}), c))
	}
	list := func(all bool) map[string]admin.TokenRow {
		lines, err := h.ask("token/list", admin.TokenList{All: all})
		must(t, err)
		tok, err := pki.ParseToken(lost.Token)
		must(t, err)
		if text := strings.Join(lines, "\n"); strings.Contains(text, tok.Secret) || strings.Contains(text, "SL1.") || strings.Contains(text, "hash") {
			t.Errorf("the list holds a secret: %s", text)
		}
		rows := map[string]admin.TokenRow{}
		for _, line := range lines {
			var row admin.TokenRow
			must(t, json.Unmarshal([]byte(line), &row))
			rows[row.ID] = row
		}
		return rows
	}
	if rows := list(false); len(rows) != 2 || rows[lost.ID].Left != 3 || rows[lost.ID].State != "works" || rows[lost.ID].Site != "annexe" || !rows[lost.ID].Expires.Equal(lost.Expires) ||
		!strings.HasSuffix(rows[lost.ID].By, "(command line)") {
		t.Errorf("listed %+v", rows)
	}
	one[admin.Done](h, "token/end", admin.Named{Name: lost.ID})
	one[admin.Done](h, "token/end", admin.Named{Name: lost.ID})
	if rows := list(false); len(rows) != 1 || rows[kept.ID].State != "works" {
		t.Errorf("after one was ended: %+v", rows)
	}
	rows := list(true)
	if len(rows) != 4 || rows[lost.ID].State != "ended" || rows[lost.ID].Ended == nil || rows["gone"].State != "expired" || rows["spent"].State != "used up" || rows["spent"].By != "Demo IT" {
		t.Errorf("all: %+v", rows)
	}
	for _, id := range []string{"", "nobody's", lost.Token, strings.ToUpper(kept.ID)} {
		_, err := h.ask("token/end", admin.Named{Name: id})
		wantError(t, err, "ending a token: there is none with the id", "token list --all")
	}
	if rows := list(false); len(rows) != 1 {
		t.Errorf("a wrong id ended one: %+v", rows)
	}
}
