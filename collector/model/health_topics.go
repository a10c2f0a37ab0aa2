package model

import "strings"

// HealthSetUpAnew is that a token gave the device's place to a new key.
const HealthSetUpAnew = "set-up-anew"

// HealthCopied is that more agents than one run with a device's key.
const HealthCopied = "clone"

// HealthSplitsHeld is that as many copies of a device became devices of their own as may
// by themselves.
const HealthSplitsHeld = "splits-held"

// HealthKeyEnded is that somebody came with a device's key of before it was set up
// anew, and was refused.
const HealthKeyEnded = "key-ended"

// healthTitles are the topics of health events, as they head a line for IT. What was
// noticed is said, and nobody is accused (G15). The first are devices' own
// (agent/health), the rest the service's.
var healthTitles = map[string]string{
	"hosts-file":            "Hosts file changed",
	"name-servers":          "Name servers changed",
	"program-changed":       "Agent’s program changed",
	"unit-changed":          "Start of the agent changed",
	"upgraded":              "Agent upgraded",
	"clock":                 "Clock was set",
	"source-lost":           "Sees less than before",
	"source-back":           "Sees again",
	"collector-unreachable": "Collector not reached",
	"collector-reached":     "Collector reached again",
	"ended-suddenly":        "Agent ended without being stopped",
	"stopped":               "Agent was stopped for a while",
	"removed":               "Agent removed",
	"notice-missing":        "Notice for people is missing",
	"notice-back":           "Notice for people is back",
	HealthCopied:            "Copied after it had enrolled",
	HealthSplitsHeld:        "Copies wait",
	HealthSetUpAnew:         "Set up anew",
	HealthKeyEnded:          "Came with an earlier key",
}

// HealthTitle heads a health event of the topic. A topic that is not known here is its
// own words.
func HealthTitle(topic string) string {
	if title, ok := healthTitles[topic]; ok {
		return title
	}
	words := strings.ReplaceAll(topic, "-", " ")
	if words == "" {
		return "Something to look at"
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
