package rules

import (
	"slices"

	"safelight/internal/event"
)

// Category is what people are told about a category: words for pages, mails
// and first steps. How it judges is in PolicyCategory.
type Category struct {
	ID    string
	Title string // "Self-harm"
	// Noun stands in sentences: "a site on the self-harm list was asked for".
	Noun       string
	About      string
	Why        string // why the school looks for it
	Owner      string
	Purpose    string // safeguarding, behaviour or security (G8)
	Risk       string // life, high or ordinary
	Severity   event.Severity
	Locked     bool // nobody can switch it off, allow or exempt from it (G16)
	Pack       string
	FirstSteps []string
	Helplines  []string
}

// The purposes and risks a category can have.
const (
	Safeguarding = "safeguarding"
	Behaviour    = "behaviour"
	Security     = "security"

	RiskLife     = "life"
	RiskHigh     = "high"
	RiskOrdinary = "ordinary"
)

var actionWords = []string{"none", "note", "alert"}

// roleNames are the roles that a category's action may name. The learners
// come first: see atWork.
var roleNames = []string{"pupil", "adult-learner", "staff", "contractor", "volunteer", "governor", "visitor", "head"}

const (
	rolePupil = 0
	learners  = 2 // roles before this index learn, the others are at work
)

// alwaysLocked are categories that are locked in whatever pack defines them: a
// file that forgot to say so would open them to everybody (D12).
var alwaysLocked = []string{"illegal-content"}

// roleIndex judges a role that it does not know, or an account that nobody
// knows, by the pupil's scope: a child must not be missed for want of a roster.
func roleIndex(role string) int {
	return max(slices.Index(roleNames, role), rolePupil)
}

// adultCategories are the only ones that look at adults at work unless a
// school says otherwise (G9).
var adultCategories = []string{"illegal-content", "contact-outside-school", "bypass"}

// exemptable lists what a teacher may take a class out of (G16); what is not
// here can not be exempted, whatever an exemption says.
var exemptable = []string{"social-media", "games", "ai-assistants", "video"}

// defaultActions gives what happens where a category does not say (G8, G9).
func defaultActions(id, purpose string) []Action {
	acts := make([]Action, len(roleNames))
	first := ActionAlert
	if purpose != Safeguarding {
		first = ActionNote
	}
	for i := range acts {
		if i < learners || slices.Contains(adultCategories, id) {
			acts[i] = first
		}
	}
	return acts
}
