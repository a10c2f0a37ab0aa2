package health

import (
	"fmt"
	"time"
)

// quiet is how long a topic is not told again: what goes on and on is one fact and a
// number.
const quiet = time.Hour

// maxWaiting bounds the facts that could not be spooled yet.
const maxWaiting = 32

// told is what has become of a topic.
type told struct {
	At    time.Time `json:"at"`             // when it was last told
	More  int       `json:"more,omitempty"` // facts since, that were not
	Since time.Time `json:"since,omitzero"` // when the first of those was
	Last  string    `json:"last,omitempty"` // the newest of them
}

// teller spools facts, at most one a topic and hour.
type teller struct {
	topics  map[string]*told // in the state file
	put     func(Fact) error
	waiting []Fact // that the spool did not take
}

// tell tells a fact now, or counts it.
func (t *teller) tell(f Fact, now time.Time) {
	before := t.topics[f.Topic]
	if before == nil {
		before = &told{}
		t.topics[f.Topic] = before
	}
	if before.More == 0 {
		before.Since = now
	}
	before.More++
	before.Last = f.Detail
	if before.At.IsZero() || before.over(now) {
		t.say(f.Topic, before, now)
	}
}

// over says whether the hour after the last telling is. A clock that was set back
// ends it too.
func (b *told) over(now time.Time) bool {
	since := now.Sub(b.At)
	return since < 0 || since >= quiet
}

// say spools what was counted.
func (t *teller) say(topic string, b *told, now time.Time) {
	f := Fact{topic, b.Last}
	if b.More > 1 {
		f.Detail = fmt.Sprintf("%s This was so %d times since %s.", f.Detail, b.More, b.Since.Local().Format("15:04"))
	}
	t.topics[topic] = &told{At: now}
	t.spool(f)
}

// flush tells what was counted, once its hour is over, and what the spool did not
// take before.
func (t *teller) flush(now time.Time) {
	waiting := t.waiting
	t.waiting = nil
	for _, f := range waiting {
		t.spool(f)
	}
	for topic, before := range t.topics {
		if before.More > 0 && before.over(now) {
			t.say(topic, before, now)
		}
	}
}

func (t *teller) spool(f Fact) {
	if err := t.put(f); err != nil && len(t.waiting) < maxWaiting {
		t.waiting = append(t.waiting, f)
	}
}
