//go:build linux || darwin

package attribution

import "safelight/internal/event"

// name writes the names of accounts into owner. It may wait for the directory.
// person says which numbers are people's on this system.
func (p *people) name(owner *event.Owner, w who, person func(uint32) bool) {
	if !w.known {
		owner.Reason = w.reason
		if w.words != "" {
			owner.Unknown = w.words
		}
		owner.Script = foldScript(w.script, "")
		return
	}
	a := p.find(w.uid)
	owner.User, owner.Domain, owner.Script = a.login, a.domain, foldScript(w.script, a.home)
	if w.as != nil {
		owner.RunsAs = p.find(*w.as).login
	}
	if resolverAccounts[a.login] && !person(w.uid) {
		owner.User, owner.Reason, owner.Unknown = "", event.ReasonResolver, whyResolver
	}
	if a.login != "" {
		return
	}
	if owner.Reason = a.reason; w.container && a.reason == event.ReasonNoName {
		owner.Reason = event.ReasonContainer
	}
	switch owner.Reason {
	case event.ReasonDirectory:
		owner.Unknown = whyDirectory
	case event.ReasonContainer:
		owner.Unknown = whyContainer
	default:
		owner.Unknown = whyNoAccount
	}
}

func foldScript(script, home string) string {
	if script == "" {
		return ""
	}
	return foldHome(script, home)
}
