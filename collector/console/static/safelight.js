// What a round trip would do too slowly: cover the page at once, cover names
// again after a minute, show a password while it is typed. Every page works
// without this file.
'use strict';

const root = document.documentElement;
const coverAfter = 60000;

// --- cover the page: the button, Esc, and back again ---

const cover = document.querySelector('.cover');
if (cover) {
  const sheet = document.createElement('button');
  sheet.type = 'button';
  sheet.className = 'coverall';
  sheet.textContent = 'Covered. Press anywhere to go on.';
  sheet.hidden = true;
  document.body.append(sheet);
  const title = document.title;
  let back = null;

  const covered = (on) => {
    if (on === !sheet.hidden) return;
    if (on) { coverNames(); back = document.activeElement; }
    root.classList.toggle('covered', on);
    document.title = on ? 'Safelight' : title;
    sheet.hidden = !on;
    for (const part of document.body.children) {
      if (part !== sheet) part.inert = on;
    }
    if (on) sheet.focus(); else if (back) back.focus();
  };
  cover.setAttribute('role', 'button');
  cover.addEventListener('click', (e) => { e.preventDefault(); covered(true); });
  cover.addEventListener('keydown', (e) => {
    if (e.key === ' ') { e.preventDefault(); covered(true); }
  });
  sheet.addEventListener('click', () => covered(false));
  addEventListener('keydown', (e) => { if (e.key === 'Escape') covered(sheet.hidden); });
}

// --- names: one at a time, for a minute ---

let hideShown = null;

function coverNames() {
  if (hideShown) hideShown();
}

for (const form of document.querySelectorAll('form.name')) {
  const button = form.querySelector('button.press');
  if (!button) continue;
  const label = button.querySelector('.t');
  let timer = 0;
  const hide = () => {
    clearTimeout(timer);
    form.querySelector('.bare')?.remove();
    label.textContent = 'Show name';
    form.classList.remove('open');
    hideShown = null;
  };
  form.addEventListener('submit', async (e) => {
    e.preventDefault();
    if (form.classList.contains('open')) { hide(); return; }
    let name;
    try {
      const answer = await fetch(form.action, {
        method: 'POST', headers: {Accept: 'application/json'}, body: new URLSearchParams(new FormData(form)),
      });
      if (!answer.ok || answer.redirected) throw new Error('no name');
      name = (await answer.json()).name;
    } catch {
      form.submit(); // the page itself says what is wrong
      return;
    }
    coverNames();
    const bare = document.createElement('span');
    bare.className = 'bare';
    bare.setAttribute('role', 'status');
    form.prepend(bare);
    bare.textContent = name;
    label.textContent = 'Hide name';
    form.classList.add('open');
    hideShown = hide;
    timer = setTimeout(hide, coverAfter);
  });
}

addEventListener('pagehide', coverNames);
document.addEventListener('visibilitychange', () => { if (document.hidden) coverNames(); });

// --- passwords: show while typing, never while sending ---

for (const toggle of document.querySelectorAll('.govuk-password-input__toggle')) {
  const input = document.getElementById(toggle.getAttribute('aria-controls'));
  const show = (on) => {
    input.type = on ? 'text' : 'password';
    toggle.textContent = on ? 'Hide' : 'Show';
    toggle.setAttribute('aria-label', on ? 'Hide password' : 'Show password');
  };
  toggle.hidden = false;
  toggle.addEventListener('click', () => show(input.type === 'password'));
  input.form.addEventListener('submit', () => show(false));
}

// --- what is to be pasted elsewhere is copied by a press ---

for (const text of navigator.clipboard ? document.querySelectorAll('pre[data-copy]') : []) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn plain';
  button.textContent = text.dataset.copy;
  const said = document.createElement('span');
  said.setAttribute('role', 'status');
  said.className = 'small';
  const line = document.createElement('p');
  line.className = 'copy';
  line.append(button, said);
  text.after(line);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'The browser does not allow it: mark the text and copy it.';
    }
  });
}

// --- a link to something that is folded up unfolds it ---

const unfold = () => {
  const part = document.getElementById(location.hash.slice(1));
  if (part instanceof HTMLDetailsElement) part.open = true;
};
addEventListener('hashchange', unfold);
unfold();

// --- a form's problems are heard first ---

document.querySelector('[data-focus]')?.focus();
