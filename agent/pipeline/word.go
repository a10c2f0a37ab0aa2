package pipeline

import (
	"slices"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// What the way in which a name was seen adds to a verdict (G2, G10). Each is
// short enough for an event to carry.
const (
	likelyPart    = "likely a third-party element of another page"
	onlyLookedUp  = "the name was looked up; whether the site opened is not known"
	notConnected  = "no connection was seen; whether the site opened is not known"
	lookedUp      = "a browser may have looked the name up by itself, to be quick if a link is followed"
	followedBlock = "a filter's block page followed, so the site most likely did not open"
	maybePart     = "it may be an advert or part of another page" // what rules say of every name
)

// word adds to a verdict what the observation itself shows.
func word(v *rules.Verdict, q queued) {
	if q.Kind != event.Domain {
		return
	}
	if q.ThirdParty {
		v.Why += "; " + likelyPart
		v.NotSeen = slices.DeleteFunc(v.NotSeen, func(s string) bool { return s == maybePart })
		v.NotSeen = append(v.NotSeen, likelyPart+"; nobody may have chosen to go there")
	}
	asked := q.Via == event.ViaDNS || q.LogOf == event.ViaDNS
	switch {
	case q.blockPage:
		v.NotSeen = append(v.NotSeen, followedBlock)
	case q.Attempt && asked:
		v.NotSeen = append(v.NotSeen, notConnected, lookedUp)
	case q.Attempt:
		v.NotSeen = append(v.NotSeen, notConnected)
	case asked && len(q.Also) == 0:
		v.NotSeen = append(v.NotSeen, onlyLookedUp, lookedUp)
	}
}
