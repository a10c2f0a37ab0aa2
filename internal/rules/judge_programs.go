package rules

// eachProgram offers the program rules that match; a program on none of them
// and not on a list of approved ones is a note in that list's category (S25).
func (j *judging) eachProgram() {
	s := &j.started
	s.read(&j.in)
	s.anyHash = j.anyHash
	p := j.rs.policy
	j.rs.programs.each(p.Programs, s, func(prog *PolicyProgram) bool {
		r := &p.Rules[prog.Rule]
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
	for i := range j.rs.approved {
		j.eachApproved(&j.rs.approved[i], s)
	}
}

func (j *judging) eachApproved(a *approvedList, s *started) {
	r := &j.rs.policy.Rules[a.rule]
	f := finding{rule: r, end: len(j.in.Text), decision: Note}
	if !j.stands(r, f) {
		return
	}
	for i := range j.rs.approved { // several lists of one category are one list
		if b := &j.rs.approved[i]; j.rs.policy.Rules[b.rule].Category == r.Category && j.known(b, s) {
			return
		}
	}
	j.offer(f)
}

func (j *judging) known(a *approvedList, s *started) (found bool) {
	a.programs.each(j.rs.policy.Programs, s, func(*PolicyProgram) bool {
		found = true
		return false
	})
	return found
}
