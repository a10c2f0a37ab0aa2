package console

import (
	"context"
	"errors"
	"net/http"

	"safelight/collector/model"
)

// message is a page that says what happened, what still works and what to do.
type message struct {
	Title string
	Lines []string
	Link  string
	Label string
}

var (
	messageNotFound = message{
		Title: "There is nothing here",
		Lines: []string{"The page does not exist, or it is not for you to see.", "All alerts that you may read are on Today."},
		Link:  "/", Label: "Go to Today",
	}
	messageNotFoundIT = message{
		Title: "There is nothing here",
		Lines: []string{"The page does not exist, or it is not for you to see.", "What is known of the school’s devices is on Devices."},
		Link:  "/", Label: "Go to Devices",
	}
	messageBroken = message{
		Title: "This page could not be shown",
		Lines: []string{"Something went wrong on the school’s Safelight server. Nothing you did caused it.", "Devices go on watching, and alerts are still kept and mailed. Try again in a minute; if it stays like this, whoever looks after the server finds the reason in its log."},
		Link:  "/", Label: "Open Safelight again",
	}
	messageBadForm = message{
		Title: "The form did not arrive whole",
		Lines: []string{"Nothing has been changed. Go back and send it again."},
		Link:  "/", Label: "Open Safelight again",
	}
	messageCrossOrigin = message{
		Title: "That press came from another site",
		Lines: []string{"Nothing has been changed. If it was you, open Safelight again and press there."},
		Link:  "/", Label: "Open Safelight again",
	}
	messageLinkGone = message{
		Title: "This link does not work any more",
		Lines: []string{"It has been used already, or it has expired. If you have set your password, sign in with it. If you have not, ask whoever gave you the link for a new one."},
		Link:  "/sign-in", Label: "Sign in",
	}
	messageNoDuty = message{
		Title: "There is nothing here for you yet",
		Lines: []string{"Alerts about pupils go to the DSL and the deputies; they are not shown here, nor how many there are.", "If a pupil may be at risk, speak to the DSL. If a life may be at risk, call 999."},
	}
	messageHead = message{
		Title: "There is nothing here for you yet",
		Lines: []string{"You are signed in as the head. Alerts about pupils go to the DSL and the deputies; they are not shown here, nor how many there are.", "If a pupil may be at risk, speak to the DSL. If a life may be at risk, call 999."},
	}
)

// notFound is one page for what does not exist and for what is not theirs. It
// depends on who is asking and on nothing else.
func (c *Console) notFound(w http.ResponseWriter, r *http.Request, v viewer) {
	m := messageNotFound
	if technicians(v.user.Duty) {
		m = messageNotFoundIT
	}
	c.render(w, r, http.StatusNotFound, "message", page{Title: m.Title, Viewer: &v, View: m})
}

// noDuty is Today for those to whom no alert goes.
func (c *Console) noDuty(w http.ResponseWriter, r *http.Request, v viewer) {
	m := messageNoDuty
	if v.user.Duty == model.DutyHead {
		m = messageHead
	}
	c.render(w, r, http.StatusOK, "message", page{Title: "Today", Viewer: &v, Current: "today", View: m})
}

func (c *Console) badForm(w http.ResponseWriter, r *http.Request) {
	c.message(w, r, http.StatusBadRequest, messageBadForm)
}

func (c *Console) crossOrigin(w http.ResponseWriter, r *http.Request) {
	c.message(w, r, http.StatusForbidden, messageCrossOrigin)
}

// broken logs what went wrong for whoever runs the server, and tells the
// reader something else: what still works.
func (c *Console) broken(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, context.Canceled) {
		c.log.ErrorContext(r.Context(), "serving a page failed", "method", r.Method, "pattern", r.Pattern, "error", err)
	}
	c.message(w, r, http.StatusInternalServerError, messageBroken)
}

// message shows a page that is about nobody, so it asks the store nothing.
func (c *Console) message(w http.ResponseWriter, r *http.Request, status int, m message) {
	c.render(w, r, status, "message", page{Title: m.Title, View: m})
}

// cover is the page that hides everything, for browsers without script.
func (c *Console) cover(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	c.render(w, r, http.StatusOK, "cover", page{Title: "Covered", View: next})
}
