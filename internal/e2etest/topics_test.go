package e2etest

import (
	"strings"
	"testing"

	"safelight/agent/health"
	"safelight/collector/model"
)

func TestEachTopicOfADeviceHasATitleOfItsOwn(t *testing.T) {
	for _, topic := range []string{
		health.HostsFile, health.NameServers, health.ProgramChanged, health.UnitChanged, health.Upgraded, health.ClockSet, health.SourceLost, health.SourceBack,
		health.Unreachable, health.Reached, health.EndedSuddenly, health.Stopped, health.Removed, health.NoticeMissing, health.NoticeBack,
	} {
		if title := model.HealthTitle(topic); strings.EqualFold(title, strings.ReplaceAll(topic, "-", " ")) && topic != health.SourceBack {
			t.Errorf("topic %s has no title: %q", topic, title)
		}
	}
	for topic, want := range map[string]string{"": "Something to look at", "disk-full": "Disk full"} {
		if got := model.HealthTitle(topic); got != want {
			t.Errorf("%q: %q, want %q", topic, got, want)
		}
	}
}
