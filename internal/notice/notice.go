// Package notice is what Safelight tells everybody who uses a school's device:
// helplines, what no version ever records, and how such a page is written as plain
// text. The collector fills it with what its school has decided (collector/about);
// the agent has it for a device that has not heard from its school yet
// (agent/about). It is plain data without I/O and imports nothing of ours.
//
// Its sentences are read by eleven-year-olds: short ones, no threats, helplines
// first (a test of collector/about counts).
package notice

import "strings"

// Helpline is somebody to talk to now.
type Helpline struct {
	Say  string // what is bold: "0800 1111"
	Link string // "tel:08001111"; as safe as it is constant
	Then string // what follows: "Childline, any time"
}

// Helplines are those that stand on every page, the one for danger first. The
// numbers are the ones that the packs give beside their categories; a test holds
// the two together (collector/about).
var Helplines = []Helpline{
	{"999", "tel:999", "if you or someone else is in danger"},
	{"0800 1111", "tel:08001111", "Childline, any time, for anyone under 19"},
	{"116 123", "tel:116123", "Samaritans, any time"},
	{"Text 85258", "sms:85258", "Shout, any time"},
	{"0800 068 4141", "tel:08000684141", "Papyrus, if you think about suicide, any time"},
}

// Report are places that take something off the internet, or stop somebody.
var Report = []Helpline{
	{"CEOP", "https://www.ceop.police.uk/safety-centre/", "if someone online makes you feel unsafe, or asks you for pictures"},
	{"Report Remove", "https://www.childline.org.uk/remove", "to take down a nude picture of you, if you are under 18"},
}

// HelpLead stands above the helplines.
const HelpLead = "You can talk to someone now. These are free. Safelight does not record that you used them."

// Never is what no version and no setting records.
var Never = []string{
	"Visits to Childline or other helplines. Never.",
	"Your messages, e-mails, photos or passwords.",
	"The keys that you press.",
	"Your screen, camera or microphone.",
	"The pages you read. It sees the name of a site, not the page.",
}

// WorryTitle is the link's text, and its page's name.
const WorryTitle = "Something is worrying me"

// Section is a heading and what stands under it, in this order.
type Section struct {
	ID     string // of the place in the page: "told"
	Title  string
	Lead   []string // paragraphs
	Points []string
	After  []string // paragraphs
}

// Notice is the whole page.
type Notice struct {
	School   string
	Address  string // of the page itself; empty: nobody said
	Worry    string // address of the page behind WorryTitle; empty: nobody said
	AsOf     string // when rules and settings were last changed: "22 November 2026"
	Sections []Section
}

// width is how long a line of the text is: a terminal's, with some room.
const width = 78

// Text writes the notice as plain text, in lines of at most 78 characters.
func (n Notice) Text() string {
	var b strings.Builder
	title := "What Safelight does on this device"
	if n.School != "" {
		title = n.School + ": " + "what Safelight does on this device"
	}
	heading(&b, title, "=")
	b.WriteByte('\n')
	heading(&b, "If something is worrying you", "-")
	wrap(&b, "", HelpLead)
	b.WriteByte('\n')
	for _, h := range Helplines {
		wrap(&b, "  * ", h.Say+"  "+h.Then)
	}
	for _, h := range Report {
		wrap(&b, "  * ", h.Say+" ("+strings.TrimPrefix(h.Link, "https://www.")+"), "+h.Then)
	}
	b.WriteByte('\n')
	if n.Worry != "" {
		wrap(&b, "", WorryTitle+": "+n.Worry)
		b.WriteByte('\n')
	}
	for _, s := range n.Sections {
		s.text(&b)
	}
	if n.Address != "" {
		wrap(&b, "", "The newest version of this page is at "+n.Address)
	}
	if n.AsOf != "" {
		wrap(&b, "", "Rules and settings as of "+n.AsOf+".")
	}
	return b.String()
}

func (s Section) text(b *strings.Builder) {
	heading(b, s.Title, "-")
	for _, p := range s.Lead {
		wrap(b, "", p)
	}
	for _, p := range s.Points {
		wrap(b, "  * ", p)
	}
	for _, p := range s.After {
		wrap(b, "", p)
	}
	b.WriteByte('\n')
}

func heading(b *strings.Builder, title, under string) {
	b.WriteString(title + "\n" + strings.Repeat(under, len([]rune(title))) + "\n")
}

// wrap writes a paragraph whose later lines stand under the first one's text.
func wrap(b *strings.Builder, first, text string) {
	line, rest := first, strings.Repeat(" ", len(first))
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			b.WriteString(line + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	b.WriteString(line + "\n")
}

// Unheard is the notice of a device that has nothing from its school yet.
func Unheard() Notice {
	return Notice{Sections: []Section{
		{
			ID: "what", Title: "What Safelight is",
			Lead: []string{"A program on school computers. It looks out for signs that someone may need help. It does not block anything."},
		},
		{
			ID: "yet", Title: "What it records",
			Lead: []string{
				"This device has not heard from its school yet, so it cannot say which lists the school has chosen. " +
					"It records nothing until it has them. Then this page will say what they are about, who is told, and how long it is kept.",
			},
		},
		{ID: "never", Title: "What it does not record", Points: Never},
		{
			ID: "ask", Title: "You can ask",
			Lead: []string{"Ask an adult at your school what Safelight records there, who sees it, and how to see what there is about you."},
		},
	}}
}
