package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"safelight/collector/model"
)

type enrolView struct {
	Sites    []string
	Site     string
	Uses     string
	Life     string
	Lives    []lifeChoice
	Tokens   []tokenLine
	Ended    bool // one was ended just now
	Problems []problem
}

type lifeChoice struct {
	Value, Text string
	Selected    bool
}

// tokenLine is a token that works.
type tokenLine struct {
	ID, Short               string // Short begins the id: what else a line says may be alike
	Site, Used, Until, Made string
}

// lives are how long a token may work, in days; the first is what is proposed.
var lives = []struct {
	days int
	text string
}{{1, "One day"}, {7, "A week"}, {30, "A month"}, {365, "A year"}}

func (c *Console) enrolForm(w http.ResponseWriter, r *http.Request, v viewer) {
	c.showEnrol(w, r, v, http.StatusOK, enrolView{Uses: "1", Life: "1", Ended: r.URL.Query().Get("ended") == "1"})
}

func (c *Console) showEnrol(w http.ResponseWriter, r *http.Request, v viewer, status int, view enrolView) {
	var err error
	if view.Sites, err = c.siteNames(r); err != nil {
		c.broken(w, r, err)
		return
	}
	tokens, err := c.store.Tokens(r.Context(), c.school)
	if err != nil {
		c.broken(w, r, fmt.Errorf("listing tokens: %w", err))
		return
	}
	for _, l := range lives {
		view.Lives = append(view.Lives, lifeChoice{strconv.Itoa(l.days), l.text, strconv.Itoa(l.days) == view.Life})
	}
	for _, t := range tokens {
		if !t.Works(c.now()) {
			continue
		}
		line, err := c.tokenLine(r.Context(), v, t)
		if err != nil {
			c.broken(w, r, err)
			return
		}
		view.Tokens = append(view.Tokens, line)
	}
	c.render(w, r, status, "enrol", page{Title: "Add devices", Viewer: &v, Current: "enrol", Problems: view.Problems, View: view})
}

func (c *Console) tokenLine(ctx context.Context, v viewer, t model.Token) (tokenLine, error) {
	short, _, _ := strings.Cut(t.ID, "-")
	l := tokenLine{t.ID, short, t.Site, fmt.Sprintf("%d of %d", t.Used, t.Uses), when(t.Expires, c.now(), c.zone), "made " + on(when(t.Created, c.now(), c.zone))}
	if l.Site == "" {
		l.Site = "No site"
	}
	id, ofUser := strings.CutPrefix(t.Maker, model.UserActor(""))
	switch {
	case ofUser && id == v.user.ID:
		l.Made += " by you"
	case ofUser:
		u, err := c.store.UserByID(ctx, c.school, id)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return l, fmt.Errorf("reading who made a token: %w", err)
		}
		if u.Name == "" {
			u.Name = "someone who has left"
		}
		l.Made += " by " + u.Name
	case t.Maker != "":
		l.Made += " on the collector’s command line"
	}
	return l, nil
}

// endToken ends a token before its time.
func (c *Console) endToken(w http.ResponseWriter, r *http.Request, v viewer) {
	switch err := c.devices.EndToken(r.Context(), r.PathValue("token")); {
	case errors.Is(err, model.ErrNotFound):
		c.notFound(w, r, v)
	case err != nil:
		c.broken(w, r, fmt.Errorf("ending a token: %w", err))
	default:
		http.Redirect(w, r, "/enrol?ended=1", http.StatusSeeOther)
	}
}

const wordsUses = "Enter how many devices, from 1 to 10000"

// enrol makes a token and shows it, once, with what is to be pasted where.
func (c *Console) enrol(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	view := enrolView{Site: r.PostForm.Get("site"), Uses: strings.TrimSpace(r.PostForm.Get("uses")), Life: r.PostForm.Get("life")}
	uses, err := strconv.Atoi(view.Uses)
	if err != nil || uses < 1 || uses > 10_000 {
		view.Problems = append(view.Problems, problem{"uses", wordsUses})
	}
	days, err := strconv.Atoi(view.Life)
	if err != nil || !slices.ContainsFunc(lives, func(l struct {
		days int
		text string
	},
	) bool {
		return l.days == days
	}) {
		view.Problems = append(view.Problems, problem{"life", "Choose how long it is to work"})
	}
	sites, err := c.siteNames(r)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	if view.Site != "" && !slices.Contains(sites, view.Site) {
		view.Problems = append(view.Problems, problem{"site", "Choose a site from the list"})
	}
	if len(view.Problems) > 0 {
		c.showEnrol(w, r, v, http.StatusUnprocessableEntity, view)
		return
	}
	made, err := c.devices.NewToken(r.Context(), view.Site, uses, time.Duration(days)*24*time.Hour)
	if err != nil {
		c.broken(w, r, fmt.Errorf("making a token: %w", err))
		return
	}
	c.render(w, r, http.StatusOK, "token", page{Title: "A new token", Viewer: &v, Current: "enrol", View: c.tokenView(made)})
}

type tokenView struct {
	model.NewToken
	For, Until string
	Systems    []systemView
}

// systemView is what is to be pasted on one system.
type systemView struct {
	ID, Name, Text, Command string
}

func (c *Console) tokenView(t model.NewToken) tokenView {
	view := tokenView{NewToken: t, For: plural(t.Uses, "device", "devices"), Until: when(t.Expires, c.now(), c.zone)}
	if t.Site != "" {
		view.For += " of " + t.Site
	}
	view.Systems = []systemView{
		{
			"windows", "Windows", "As an administrator; in Intune, the arguments of a line-of-business app are from /qn on. Write your package’s version for VERSION. The token is hidden in the installer’s logs, and removed once it is used.",
			"msiexec /i safelight-agent-VERSION-x64.msi /qn TOKEN=" + t.Token,
		},
		{
			"linux", "Linux", "As root. The device enrols by itself, and takes the token out of the file once it is used. For many, lay the file down with Ansible.",
			"install -d /etc/safelight\n" +
				"install -m 0600 /dev/null /etc/safelight/enrol.conf\n" +
				"echo 'token: " + t.Token + "' > /etc/safelight/enrol.conf\n" +
				"apt install ./safelight-agent_*_amd64.deb",
		},
		{
			"mac", "macOS", "In a terminal of an administrator, in the folder of the unpacked archive. A device management’s script does the same as root.",
			"umask 077\n" +
				"echo 'token: " + t.Token + "' > enrol.conf\n" +
				"sudo ./install.sh --enrol-file enrol.conf\n" +
				"rm enrol.conf",
		},
	}
	return view
}
