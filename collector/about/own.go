package about

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Own is `about:` of collector.yaml: what the school says in its own words. All of
// it may be left out, and the page says then that the school has not said so yet.
type Own struct {
	// Address is where people reach listen.public, where that is not the host of
	// public_url with listen.public's port.
	Address string `yaml:"address"`
	// BehindProxy says that a proxy of the school stands before listen.public and
	// does HTTPS: what listens here then speaks plain HTTP.
	BehindProxy bool `yaml:"behind_proxy"`
	// Contact is whom to ask what is recorded, and to dispute it.
	Contact Contact `yaml:"contact"`
	// TalkTo are adults whom a pupil may go to: "your form tutor".
	TalkTo []string `yaml:"talk_to"`
	// Lead is who reads alerts, where the school wants a name on the page.
	Lead string `yaml:"lead"`
	// ReadingHours is when somebody reads: "school days, 8:00 to 16:00".
	ReadingHours string `yaml:"reading_hours"`
	// OutOfHours is not-read, rota or service; empty: the school has not chosen (G4).
	OutOfHours string `yaml:"out_of_hours"`
	// NetworkLogs says whether devices follow logs of the school's network, in which
	// people's own phones show; nil: the school has not said.
	NetworkLogs *bool `yaml:"network_logs"`
	// More is a paragraph of the school's.
	More string `yaml:"more"`
}

// Contact is how somebody is reached.
type Contact struct {
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
	Phone string `yaml:"phone"`
}

// The choices of OutOfHours.
const (
	NotRead = "not-read"
	Rota    = "rota"
	Service = "service"
)

// Limits on the school's words, in bytes: the page is to be read.
const (
	maxWord = 120
	maxMore = 1200
	maxTalk = 8
)

var phone = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{2,24}$`)

// Validate says what is wrong, by its key.
func (o Own) Validate() error {
	for key, word := range map[string]string{"contact.name": o.Contact.Name, "lead": o.Lead, "reading_hours": o.ReadingHours} {
		if err := words(word, maxWord); err != nil {
			return fmt.Errorf("about.%s: %w", key, err)
		}
	}
	if err := words(o.More, maxMore); err != nil {
		return fmt.Errorf("about.more: %w", err)
	}
	if len(o.TalkTo) > maxTalk {
		return fmt.Errorf("about.talk_to: %d people, at most %d: a page with many names is not read", len(o.TalkTo), maxTalk)
	}
	for i, who := range o.TalkTo {
		if strings.TrimSpace(who) == "" {
			return fmt.Errorf("about.talk_to[%d] is empty: want words such as `your form tutor`, or leave it out", i)
		}
		if err := words(who, maxWord); err != nil {
			return fmt.Errorf("about.talk_to[%d]: %w", i, err)
		}
	}
	return errors.Join(o.reach(), o.choice())
}

func (o Own) reach() error {
	if o.Address != "" {
		u, err := url.Parse(o.Address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("about.address %q: want https://host or https://host:port", o.Address)
		}
	}
	if o.BehindProxy && o.Address == "" {
		return errors.New("about.behind_proxy: give about.address too: where people reach the page through the proxy")
	}
	if o.Contact.Email != "" {
		if a, err := mail.ParseAddress(o.Contact.Email); err != nil || a.Address != o.Contact.Email {
			return fmt.Errorf("about.contact.email %q: want an address such as office@school.example", o.Contact.Email)
		}
	}
	if o.Contact.Phone != "" && !phone.MatchString(o.Contact.Phone) {
		return fmt.Errorf("about.contact.phone %q: want a number such as 01632 960123", o.Contact.Phone)
	}
	return nil
}

func (o Own) choice() error {
	switch o.OutOfHours {
	case "", NotRead, Rota, Service:
		return nil
	}
	return fmt.Errorf("about.out_of_hours %q: want %s, %s or %s", o.OutOfHours, NotRead, Rota, Service)
}

// words refuses what does not belong into a sentence.
func words(s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%d characters, at most %d", len(s), most)
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar {
			return errors.New("it holds a character that cannot be printed")
		}
	}
	return nil
}

// reach is how a contact is reached, in a sentence; empty: nobody said.
func (c Contact) reach() string {
	var parts []string
	for _, p := range []string{c.Name, c.Phone, c.Email} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}
