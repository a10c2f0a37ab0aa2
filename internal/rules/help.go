package rules

import (
	"slices"

	"safelight/internal/rules/phrases"
)

// HelpPhrases are the words that ask for help as package phrases looks for them, for
// whoever works weights out: beside them, less is enough (EnoughBesideHelp).
func HelpPhrases() []phrases.Phrase {
	var out []phrases.Phrase
	for _, w := range helpWords {
		out = append(out, phrases.Phrase{Text: w})
	}
	for _, near := range helpNear {
		for i := range near.words {
			each := slices.Concat(near.words[i:], near.words[:i])
			out = append(out, phrases.Phrase{All: each, Within: near.within, HeadOnly: true})
		}
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
	"chidline", "childlin", "chilline", "childine", "samaratins", "samaritins", "samartians", "samaratans", "report remove", "text shout", "txt shout",
	"shout confidential", "shout text", "shout txt", "shout number", "beat number", "beat chat", "ring beat", "call beat", "text beat", "can beat help", "is beat open",
	"papyrus text", "papyrus txt", "papyrus number", "ring papyrus", "text papyrus", "papyrus said", "999 or", "or 999", "text 999", "999 text", "phone 999", "dial 999",
	"social worker", "social services", "trusted adult", "counseler", "school counselor", "pastoral team", "safe place to go",
	"please god", "pls god", "plz god", "god please", "god pls", "dear god", "god help", "god forgive", "please someone", "someone please", "somebody please", "please somebody",
	"anyone please", "pls someone", "plz someone", "please talk to me", "please answer", "please tell someone", "sit with me", "stay with me till",
	"who helps", "who can help", "can help me", "who will help", "who do i go to if", "who do i go to when", "who do i go to about", "who can i go to if", "who can i go to when", "who can i go to about", "who do i see if", "who do i see about my", "who do i report", "who can i report", "who do i ask if", "who do i ask about my", "who can i ask if", "who can i ask about my",
	"who else can i tell", "who do you tell", "who do u tell", "who can u tell", "who can you tell", "who do you ring", "who do u ring", "who do you call", "who do u call", "who can stop it", "who can stop him", "who can stop her", "who can stop them", "who can stop this",
	"who to tell", "who 2 tell", "who to trust", "who to turn to", "who can i trust with", "who can i trust at", "who can i trust about", "nobody to tell", "no one to tell", "nobody to ring", "which teacher", "which adult can", "which adult do", "which adult should", "what adult can", "what adult do", "what adult should",
	"is there someone i can", "is there anyone i can", "is there somebody i can", "is there anyone who", "is there someone who", "someone else i can",
	"never told anyone", "havent told anyone", "not told anyone", "told nobody", "havent told a soul",
}

// The rules that these words are. Those of helpApart mask no phrase: each has ordinary
// uses, and "beat" or "in trouble" may be what a school wants to hear of.
const helpTogether, helpApart = "help", "help-apart"

// near are sets of words: any of each with one of each other at most so many words
// around it. Each covers itself, so that what asks for help adds nothing to a sum for
// which less is enough beside it: "can i tell my teacher" is no reason for an alert.
type near struct {
	words  [][]string
	within int
}

// helpNear are people, and places of help, beside words of telling them.
var helpNear = []near{
	{[][]string{
		{
			"teacher", "teachers", "miss", "sir", "tutor", "head of year", "head of yr", "headteacher", "head teacher", "matron", "nurse", "doctor", "doc", "dr", "gp", "coach", "imam", "priest", "vicar",
			"mum", "mam", "mom", "dad", "nan", "nana", "gran", "grandma", "granny", "auntie", "aunty", "parents", "sister", "brother", "carer", "foster mum", "youth worker", "youth leader",
			"someone", "somebody", "some1", "sum1", "sumone", "any1", "adult", "police", "school", "skl", "chemist", "hospital", "ta", "teecher", "teechers",
		},
		{"tell", "tel", "telling", "talk", "speak", "say", "explain", "admit", "confess"},
		{
			"do i", "do u", "do you", "should i", "shud i", "shall i", "can i", "can u", "can you", "could i", "cud i", "must i", "how do", "hw do", "how to", "how can", "what do i", "wot do i", "have to", "need to",
			"want to", "wanna", "wana", "scared to", "afraid to", "scaird to", "tried to", "tryd to", "trying to", "if i", "ought to", "cudnt", "couldnt", "who can", "words to",
		},
	}, 5},
	{[][]string{
		{"police", "999", "111", "ambulance", "social worker", "hospital", "helpline", "beat", "shout", "papyrus", "refuge", "frank"},
		{"ring", "phone", "text", "txt", "report", "contact", "confidential", "listen"},
		{"do i", "do u", "do you", "should i", "shud i", "can i", "can u", "could i", "how do", "how to", "if i", "is it", "would", "will", "wil", "does", "need to", "have to"},
	}, 5},
	{[][]string{
		{"confidential", "get in trouble", "in trouble", "told off", "believe me", "taken seriously", "taken away", "taken off", "put in care", "go in care", "ring home", "ring my mum", "ring my dad"},
		{"will", "wil", "would", "is", "does", "do they"},
		{"if i", "if u", "if you"},
	}, 6},
}
