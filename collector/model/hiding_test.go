package model_test

import (
	"testing"

	"safelight/collector/model"
)

// TestWordsOfProgramsAreWordsForPeople, and paths and names of files stay as they are.
func TestWordsOfProgramsAreWordsForPeople(t *testing.T) {
	for said, want := range map[string]string{
		"": "",
		"not seen within 10 s; met since the agent's start, and able to hide it: encrypted_dns, dot, something_new": "not seen within 10 s; met since the agent's start, and able to hide it: encrypted DNS (DNS over HTTPS), encrypted DNS (DNS over TLS), something new",
		"own_resolver.":                                  "a browser that looks names up by itself.",
		"the ring (no_name) is full":                     "the ring (no name) is full",
		"open /var/log/squid/access_log: no such file":   "open /var/log/squid/access_log: no such file",
		"access_log.csv cannot be read":                  "access_log.csv cannot be read",
		"it wants CAP_NET_RAW":                           "it wants CAP_NET_RAW",
		"a proxy, a vpn and a dot are words like others": "a proxy, a vpn and a dot are words like others",
	} {
		if got := model.Plain(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
	said := model.SayResult(model.CheckResult{Source: "network", What: model.CheckDNS, Outcome: model.CheckNotSeen, Detail: "met since the agent's start, and able to hide it: own_resolver"})
	if want := "Looking up a made-up site (DNS) was not seen: met since the agent's start, and able to hide it: a browser that looks names up by itself."; said != want {
		t.Errorf("it says %q", said)
	}
}
