package policy

import "context"

// CheckNow is what Run does in time.
func (s *Store) CheckNow(ctx context.Context) { s.check(ctx) }

// Reopen brings the stored policy into force again, and lets see do something to
// the pages of each mapped file before anybody looks at them.
func (s *Store) Reopen(see func(pages []byte)) error {
	if err := s.Close(); err != nil {
		return err
	}
	s.mapper = func(path string, size int64) (mapping, error) {
		m, err := mapFile(path, size)
		if err == nil {
			see(m.data)
		}
		return m, err
	}
	defer func() { s.mapper = orRead(mapFile) }()
	return s.start()
}
