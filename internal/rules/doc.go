// Package rules judges observations by categories written in YAML.
//
// Compile turns the files of some packs into a Ruleset, whose Policy and Tables
// are all that a device needs to Open it again; Judge asks it about one
// observation and Explain says why; Check runs every test the packs carry,
// together with the lines that nothing may flag (the protected pack) and the
// pleas that everything must let through. The package is pure: no files, no clock, no network, no logging;
// the same files and the same input give the same verdict on every system, in
// the agent and in the collector alike. A Ruleset never changes once it is
// compiled and may be used from many goroutines.
//
// The way through it: node.go reads YAML and remembers where everything stood,
// parse_*.go turn it into plain structs, build*.go make the policy and its
// tables of those (the words by internal/rules/phrases, the names of lists by
// internal/rules/names, weighed words by internal/rules/weighed), open.go makes them ready, judge*.go find what matches,
// mask.go and decide.go what comes of it, why.go and explain.go say so.
//
// Reading files from a disk is internal/packdir's work; signing and sending
// them is the policy rooms'. Nobody else should parse these files.
package rules

// Engine is the version of the rule language and of its judging. A policy
// manifest's min_engine is compared with it: a device whose engine is older
// keeps its last good rules and says so.
const Engine uint32 = 7 // 2: lists of marks; 3: compiled policies, weights, scopes, lists; 4: Arabic letters as any keyboard has them; 5: sets of words, order, other spellings; 6: rules in a table; 7: weighed words
