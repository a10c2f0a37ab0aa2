package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"safelight/collector/model"
	"safelight/internal/pki"
)

type welcomeView struct {
	Email    string
	Action   string
	Problems []problem
}

// welcomeForm shows the form and uses nothing up: mail scanners fetch links
// before people do.
func (c *Console) welcomeForm(w http.ResponseWriter, r *http.Request) {
	user, err := c.linked(r.Context(), pki.HashSecret(r.PathValue("secret")))
	if err != nil {
		c.linkGone(w, r, err)
		return
	}
	c.showWelcome(w, r, http.StatusOK, user, nil)
}

func (c *Console) showWelcome(w http.ResponseWriter, r *http.Request, status int, user model.User, problems []problem) {
	view := welcomeView{Email: user.Email, Action: WelcomePath(r.PathValue("secret")), Problems: problems}
	c.render(w, r, status, "welcome", page{Title: "Set your password", Problems: problems, View: view})
}

// linked finds the user of a one-time link that is still good.
func (c *Console) linked(ctx context.Context, hash []byte) (model.User, error) {
	user, err := c.store.UserByLink(ctx, c.school, hash)
	if err != nil {
		return model.User{}, fmt.Errorf("finding a one-time link: %w", err)
	}
	if user.Disabled || !c.now().Before(user.LinkExpires) {
		return model.User{}, model.ErrNotFound
	}
	return user, nil
}

func (c *Console) linkGone(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, model.ErrNotFound) {
		c.broken(w, r, err)
		return
	}
	c.message(w, r, http.StatusGone, messageLinkGone)
}

func (c *Console) welcome(w http.ResponseWriter, r *http.Request) {
	user, err := c.linked(r.Context(), pki.HashSecret(r.PathValue("secret")))
	if err != nil {
		c.linkGone(w, r, err)
		return
	}
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	password := r.PostForm.Get("password")
	if problems := newPasswordProblems(password, r.PostForm.Get("confirm"), user.Email); problems != nil {
		c.showWelcome(w, r, http.StatusUnprocessableEntity, user, problems)
		return
	}
	encoded, err := c.hasher.hash(r.Context(), password)
	if errors.Is(err, errBusy) {
		c.showWelcome(w, r, http.StatusServiceUnavailable, user, []problem{{"password", wordsBusy}})
		return
	}
	if err == nil {
		// This spends the link: of two that come at once, one finds it gone.
		err = c.store.SetPassword(r.Context(), c.school, user.ID, encoded, c.now())
	}
	if err != nil {
		c.linkGone(w, r, err)
		return
	}
	http.Redirect(w, r, "/sign-in?set", http.StatusSeeOther)
}

func newPasswordProblems(password, confirm, email string) (problems []problem) {
	if words := weakPassword(password, email); words != "" {
		return []problem{{"password", words}}
	}
	if confirm != password {
		return []problem{{"confirm", wordsConfirm}}
	}
	return nil
}
