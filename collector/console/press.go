package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// coverAfter is after how long an uncovered page covers itself again.
const coverAfter = time.Minute

// take is "I am dealing with this". It works once; who comes second is told
// who has it.
func (c *Console) take(w http.ResponseWriter, r *http.Request, v viewer) {
	alert, ok := c.found(w, r, v)
	if !ok {
		return
	}
	first, err := c.store.AcknowledgeAlert(r.Context(), c.school, alert.Ref, v.user.ID, c.now())
	switch {
	case err != nil:
		c.broken(w, r, fmt.Errorf("taking an alert on: %w", err))
	case !first && alert.AcknowledgedBy != v.user.ID:
		c.showAlert(w, r, v, sight{notice: "Somebody was before you, so nothing has changed."})
	default:
		http.Redirect(w, r, "/a/"+alert.Ref, http.StatusSeeOther)
	}
}

// showName uncovers one name. The script asks for the name alone; without it
// the page comes again with the name in its place, and covers itself.
func (c *Console) showName(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	alert, ok := c.found(w, r, v)
	if !ok {
		return
	}
	if err := c.record(r.Context(), v, "name", alert.Ref); err != nil {
		c.broken(w, r, err)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		subject, err := c.reader(r.Context(), v).subject(alert.Subject)
		if err != nil {
			c.broken(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(map[string]string{"name": nameOf(subject)}) // the reader left: nobody to tell
		return
	}
	if r.PostForm.Get("from") == "today" {
		coverLater(w, "/")
		c.showToday(w, r, v, 0, alert.Ref)
		return
	}
	coverLater(w, "/a/"+alert.Ref)
	c.showAlert(w, r, v, sight{name: true})
}

// showWords uncovers what was seen, once that is recorded.
func (c *Console) showWords(w http.ResponseWriter, r *http.Request, v viewer) {
	alert, ok := c.found(w, r, v)
	if !ok {
		return
	}
	if err := c.record(r.Context(), v, "words", alert.Ref); err != nil {
		c.broken(w, r, err)
		return
	}
	coverLater(w, "/a/"+alert.Ref)
	c.showAlert(w, r, v, sight{words: true})
}

// coverLater makes the browser itself leave an uncovered page after a minute,
// script or none.
func coverLater(w http.ResponseWriter, to string) {
	w.Header().Set("Refresh", strconv.Itoa(int(coverAfter.Seconds()))+"; url="+to)
}
