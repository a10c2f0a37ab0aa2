package policy

import (
	"context"
	"fmt"
	"strings"

	"safelight/internal/rules"
)

// nobodyAlone refuses rules for a group of one: that is a person, and no rule is
// about one person, nor may a trial say what such a rule would have found (G7,
// G17). A group that the roster does not name is in nobody's way.
func (w *Workflow) nobodyAlone(ctx context.Context, set *rules.Ruleset) error {
	asked := map[string]bool{}
	for _, scope := range set.Policy().Scopes {
		for _, group := range scope.Groups {
			group = strings.ToLower(strings.Join(strings.Fields(group), " ")) // as the roster keeps it
			if asked[group] {
				continue
			}
			asked[group] = true
			n, err := w.store.GroupSize(ctx, w.school, group)
			if err != nil {
				return err
			}
			if n == 1 {
				return fmt.Errorf("the group %q has one learner in it, and no rule is about one named person (G7): take it out of the scope", group)
			}
		}
	}
	return nil
}
