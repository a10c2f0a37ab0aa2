package store

import "safelight/collector/model"

// Ready makes events ready ahead of AppendRecords, as far as that can be done
// without the write connection, which everybody waits for: it seals what is for
// subjects that are in memory. It may be called beside anything else and need
// not be called at all. If a subject is removed before they are stored, what was
// made ready counts for nothing.
func (s *Store) Ready(school model.SchoolID, events []model.Event) {
	swept := s.sweptSubjects()
	var sealer sealer
	for i := range events {
		e := &events[i]
		e.School = school
		subject, ok := s.cachedSubject(keyOf(e))
		if !ok {
			continue
		}
		e.Subject, e.Sealed, e.SealedAt = subject.id, sealer.event(subject.box, e), swept
	}
}
