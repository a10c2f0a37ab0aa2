package policy_test

import (
	"testing"

	"safelight/collector/model"
	"safelight/collector/store"
)

func importRoster(t testing.TB, s *store.Store, people []model.Person) {
	t.Helper()
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", people, noon)
	must(t, err)
}
