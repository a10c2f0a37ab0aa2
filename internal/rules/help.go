package rules

import "safelight/internal/rules/phrases"

// HelpPhrases are the words that ask for help as package phrases looks for them, for
// whoever works weights out: beside them, less is enough (EnoughBesideHelp).
func HelpPhrases() []phrases.Phrase {
	out := make([]phrases.Phrase, len(helpWords))
	for i, w := range helpWords {
		out[i] = phrases.Phrase{Text: w}
	}
	return out
}

// helpWords are names of helplines and words that ask for help. In search words
// each masks its own span and nothing else, and a flag beside one is worded as
// somebody asking for help (G1). By themselves they flag nothing.
var helpWords = []string{
	"childline", "child line", "0800 1111", "08001111", "samaritans", "samaritan", "116 123", "116123", "nspcc", "ceop",
	"shout 85258", "85258", "papyrus hopeline", "hopeline", "hopeline247", "kooth", "the mix helpline", "young minds",
	"youngminds", "talk to frank", "gamcare", "beat helpline", "beat eating disorders", "calm helpline", "camhs",
	"refuge helpline", "womens aid", "rape crisis", "victim support", "report harmful content", "stop it now",
	"helpline", "help line", "helplines", "hotline", "hot line", "crisis line", "crisis text line", "crisis team", "text line",
	"lifeline", "nhs 111", "call 111", "call 999", "ring 999", "ring 111", "ambulance",
	"help me", "help us", "please help", "pls help", "plz help", "need help", "needs help", "want help", "get help",
	"getting help", "find help", "ask for help", "asking for help", "seek help", "where to get help", "help please", "help pls",
	"can someone help", "can anyone help", "someone help", "somebody help", "anyone help", "who can help", "i need support",
	"save me", "stop me", "talk me out of it", "make it stop",
	"talk to someone", "talk to somebody", "talk to anyone", "someone to talk to", "somebody to talk to", "who can i talk to",
	"who do i talk to", "who can i tell", "who do i tell", "who should i tell", "how do i tell", "how to tell my mum",
	"how to tell my mom", "how to tell my dad", "how to tell my parents", "how to tell someone", "tell my mum", "tell my dad",
	"tell my mom", "tell my teacher", "tell a teacher", "tell someone", "how do i stop", "how can i stop", "how to stop",
	"want to stop", "trying to stop", "cant stop", "support group", "support groups", "counsellor", "counselor", "counselling",
	"counseling", "therapist", "therapy", "school nurse", "safeguarding lead", "i dont know what to do", "what should i do",
	"what do i do", "can i tell someone", "can i tell a teacher", "can i tell my teacher", "can i tell my mum", "should i tell someone",
	"should i tell a teacher", "should i tell my mum", "nobody believes me", "no one believes me", "who do i call", "who can i call", "who do i ring",
	"barnardos", "kidscape", "crimestoppers", "karma nirvana", "papyrus uk", "nobody to talk to", "no one to talk to", "scared of myself", "i dont want to feel like this",
}
