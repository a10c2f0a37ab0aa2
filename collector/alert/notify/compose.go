package notify

import (
	"bytes"
	"fmt"
	"html/template"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"safelight/collector/model"
)

// letter is all that a mail may be made of. It has no room for anything else.
type letter struct {
	Severity string
	Ref      string
	Link     string
}

func (c letter) subject() string {
	return fmt.Sprintf("Safelight: 1 %s alert, reference %s", c.Severity, c.Ref)
}

func (c letter) text() string {
	return fmt.Sprintf("%s. Sign in to see it: %s.\r\n", c.subject(), c.Link)
}

// page is the same sentence for mail programs that show HTML: a table, because
// that is what they all draw, and no image, because that would be a trace.
var page = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light"><title>Safelight: 1 {{.Severity}} alert, reference {{.Ref}}</title></head>
<body style="margin:0;background-color:#ffffff"><div role="article" lang="en-GB" aria-label="Safelight: 1 {{.Severity}} alert">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#ffffff"><tr><td align="center" style="padding:0">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;font-family:Arial,Helvetica,sans-serif;color:#1d1a17">
<tr><td style="padding:24px 24px 0"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>
<td width="48" height="6" style="width:48px;height:6px;line-height:6px;font-size:1px;background-color:#f2a33a">&nbsp;</td>
<td height="6" style="height:6px;line-height:6px;font-size:1px;background-color:#1d1a17">&nbsp;</td></tr></table></td></tr>
<tr><td style="padding:28px 24px 4px;font-size:22px;line-height:30px"><b>Safelight: 1 {{.Severity}} alert,</b><br>reference <b>{{.Ref}}</b>.</td></tr>
<tr><td style="padding:12px 24px 8px;font-size:17px;line-height:26px">Sign in to see it:</td></tr>
<tr><td style="padding:0 24px 32px"><a href="{{.Link}}"
 style="display:inline-block;background-color:#1d1a17;border-bottom:4px solid #f2a33a;color:#ffffff;font-size:16px;line-height:22px;padding:13px 18px;text-decoration:underline;overflow-wrap:anywhere">{{.Link}}</a></td></tr>
</table></td></tr></table></div></body></html>
`))

// compose writes the mail about an alert. The same notification always makes
// the same Message-ID, so a mail that is sent again, because nobody knows
// whether the first arrived, can be recognised as the same.
func (m *Mailer) compose(n model.Notification, alert model.Alert, to string, now time.Time) (*gomail.Msg, error) {
	l := letter{Severity: alert.Severity.String(), Ref: alert.Ref, Link: strings.TrimSuffix(m.publicURL, "/") + "/a/" + alert.Ref}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from, err := mail.ParseAddress(m.cfg.From)
	if err != nil {
		return nil, fmt.Errorf("collector.yaml: mail.from: not an address; give one like safelight@school.example")
	}
	msg.FromMailAddress(&mail.Address{Name: "Safelight", Address: from.Address})
	if err := msg.EnvelopeFrom(from.Address); err != nil {
		return nil, fmt.Errorf("collector.yaml: mail.from: not an address; give one like safelight@school.example")
	}
	rcpt, err := mail.ParseAddress(to)
	if err != nil {
		return nil, errAddress
	}
	// The address alone: a display name would put a person into the header.
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &mail.Address{Address: rcpt.Address})
	msg.Subject(l.subject())
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(n.ID + "@" + m.cfg.domain())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	// As it stands, so that no mail program breaks the link. (The library's
	// "7bit" writes quoted-printable under a wrong name.)
	msg.SetBodyString(gomail.TypeTextPlain, l.text(), gomail.WithPartEncoding(gomail.NoEncoding))
	var html bytes.Buffer
	if err := page.Execute(&html, l); err != nil {
		return nil, fmt.Errorf("writing a mail: %w", err)
	}
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}
