package about

import (
	"slices"
	"strings"
)

// plainWords say what a shipped category is about as one would to a child. A
// category of the school's own has its title and what the school wrote about it.
var plainWords = map[string]string{
	"self-harm":              "Hurting yourself",
	"suicide":                "Not wanting to live (suicide)",
	"eating-disorders":       "Problems with eating that make people ill",
	"violence-weapons":       "Violence and weapons",
	"exploitation":           "People who trick or force others into sexual things, or ask for money or pictures",
	"nudes":                  "Nude pictures of young people",
	"extremism":              "Groups that draw people into violence for a cause",
	"hate":                   "Hate against people because of who they are",
	"misogyny":               "Hate against women and girls",
	"bullying":               "Bullying",
	"sexual-harassment":      "Sexual words or touching that someone does not want",
	"coercive-control":       "Someone who controls or scares a partner or their family",
	"stranger-contact":       "Places to talk with strangers",
	"contact-outside-school": "Adults who contact pupils outside the school’s own systems",
	"pornography":            "Pornography",
	"drugs":                  "Drugs",
	"alcohol-vapes":          "Alcohol, vapes and smoking",
	"gambling":               "Gambling",
	"hoaxes-challenges":      "Dangerous dares and scary made-up stories",
	"ai-companions":          "AI “friends”, and apps that make fake nude pictures",
	"illegal-content":        "Things that are against the law to look at",
	"bypass":                 "Ways round the school’s filter, such as a VPN",
	"unauthorised-messaging": "Messaging outside the school’s own systems",
	"academic-cheating":      "Cheating in school work",
	"ai-assistants":          "AI tools that write or answer for you",
	"dating":                 "Dating",
	"games":                  "Games",
	"piracy":                 "Films, music and games copied without leave",
	"social-media":           "Social media",
	"video":                  "Videos and streaming",
	"fraud":                  "Scams, and people who want to use your bank account",
	"hacking-tools":          "Tools for breaking into computers",
	"phishing-malware":       "Fake sites and harmful programs",
	"unauthorised-software":  "Programs that the school has not agreed to",
}

// plain is a category in a line.
func plain(c Looked) string {
	if words, ok := plainWords[c.ID]; ok {
		return words
	}
	if c.About == "" {
		return c.Title
	}
	return c.Title + ": " + c.About
}

func plainAll(all []Looked) []string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = plain(c)
	}
	return words
}

// languages are those that the packs have words in.
var languages = map[string]string{
	"ar": "Arabic", "bn": "Bengali", "cy": "Welsh", "de": "German", "es": "Spanish", "fr": "French", "gu": "Gujarati", "it": "Italian",
	"pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "so": "Somali", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "zh": "Chinese",
}

// namesOf names languages, once each: Punjabi in two scripts is Punjabi.
func namesOf(tags []string) []string {
	var names []string
	for _, tag := range tags {
		base, _, _ := strings.Cut(tag, "-")
		name, known := languages[strings.ToLower(base)]
		if !known {
			name = tag
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// list joins words as a sentence does: "Arabic, Polish and Welsh".
func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
