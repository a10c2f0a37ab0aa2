package rules

// eachProgram offers the program rules that match; a program on none of them
// and not on a list of approved ones is a note in that list's category (S25).
func (j *judging) eachProgram() {
	s := &j.started
	s.read(&j.in)
	s.anyHash = j.anyHash
	t := &j.rs.table
	t.eachProgram(s, func(rule uint32) bool {
		if t.is(rule, RuleApproved) {
			return true
		}
		r := j.rs.rule(rule)
		f := finding{rule: r, end: len(j.in.Text), decision: Flag}
		if j.stands(r, f) {
			j.ruled = true
			j.offer(f)
		}
		return true
	})
	if j.ruled || len(s.name) == 0 {
		return
	}
	for _, list := range t.approved {
		j.eachApproved(list, s)
	}
}

// eachApproved offers the note of a list of approved programs, where none of the
// category's lists, which are one list, has this one.
func (j *judging) eachApproved(list uint32, s *started) {
	r := j.rs.rule(list)
	f := finding{rule: r, end: len(j.in.Text), decision: Note}
	if j.stands(r, f) && !j.approved(r.Category, s) {
		j.offer(f)
	}
}

func (j *judging) approved(category int32, s *started) (found bool) {
	t := &j.rs.table
	t.eachProgram(s, func(rule uint32) bool {
		x := t.record(rule)
		found = x.kind == RuleApproved && x.category == category
		return !found
	})
	return found
}
