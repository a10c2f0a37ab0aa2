package policy

import "safelight/internal/rules"

// Rules returns the rules in force, or nil before the first. They never change:
// who holds them while others are published goes on with the old ones.
func (p *Publisher) Rules() *rules.Ruleset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules
}
