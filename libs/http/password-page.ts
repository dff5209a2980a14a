import { createHash } from 'node:crypto';

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
  main { box-sizing: border-box; width: min(26rem, 100%); padding: 2rem 1.5rem; }
  h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 1.5rem; }
  label { display: block; font-weight: 600; margin: 1rem 0 .25rem; }
  input { box-sizing: border-box; width: 100%; font: inherit; padding: .6rem .7rem; border: 1px solid #767676; border-radius: .4rem; }
  button { font: inherit; font-weight: 600; margin-top: 1.5rem; width: 100%; padding: .7rem; border: 0; border-radius: .4rem;
    background: #1f4fd8; color: #fff; cursor: pointer; }
  button[disabled] { opacity: .6; cursor: progress; }
  input:focus-visible, button:focus-visible { outline: 3px solid #7aa2ff; outline-offset: 2px; }
  small { display: block; opacity: .8; }
  [role=status]:not(:empty) { margin-top: 1.5rem; padding: .7rem 1rem; border-left: 4px solid #1f4fd8; background: #1f4fd81a; }
  [role=status].bad { border-color: #c62828; background: #c628281a; }
  [hidden] { display: none; }`;

/** The token stands behind the # of the address: it is in no request line, no log and no referrer. */
const SCRIPT = `
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  const form = document.getElementById(token ? 'set' : 'ask');
  const result = document.getElementById('result');
  const tell = (text, isGood) => { result.textContent = text; result.className = isGood ? 'good' : 'bad'; };
  const call = async (path, body) => {
    try {
      const answer = await fetch('v1/auth/password/' + path, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), credentials: 'omit' });
      const { data, error } = await answer.json();
      if (answer.ok) return { isGood: true, text: data.message + '.' };
      if (error.code === 'INVALID_RESET_TOKEN') {
        document.getElementById('set').hidden = true;
        document.getElementById('ask').hidden = false;
        return { isGood: false, text: 'This link has been used or has expired. Ask for a new one.' };
      }
      return { isGood: false, text: (error.details ? error.details.map((one) => one.message).join(', ') : error.message) + '.' };
    } catch {
      return { isGood: false, text: 'The server could not be reached. Try again in a moment.' };
    }
  };
  const work = async (button, path, body, done) => {
    button.disabled = true;
    tell('', true);
    const { isGood, text } = await call(path, body);
    button.disabled = false;
    if (isGood) done();
    tell(text, isGood);
  };
  const [password, again, email] = ['password', 'again', 'email'].map((id) => document.getElementById(id));
  document.getElementById('set').addEventListener('submit', (event) => {
    event.preventDefault();
    if (password.value !== again.value) {
      tell('The two passwords are not the same.', false);
      return again.focus();
    }
    void work(event.submitter, 'confirm', { token, password: password.value }, () => {
      form.hidden = true;
      history.replaceState(null, '', location.pathname);
    });
  });
  document.getElementById('ask').addEventListener('submit', (event) => {
    event.preventDefault();
    void work(event.submitter, 'reset', { email: email.value }, () => { document.getElementById('ask').hidden = true; });
  });
  form.hidden = false;`;

/** Where the links of mails lead: choose a password by the link's token or, without one, ask for a link. */
export const PASSWORD_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Your password – Switchboard</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Your password</h1>
<noscript>This page needs JavaScript.</noscript>
<form id="set" method="post" hidden>
<label for="password">New password</label>
<input id="password" type="password" autocomplete="new-password" minlength="8" maxlength="256" required aria-describedby="rule">
<small id="rule">At least 8 characters</small>
<label for="again">The same again</label>
<input id="again" type="password" autocomplete="new-password" minlength="8" maxlength="256" required>
<button>Set the password</button>
</form>
<form id="ask" method="post" hidden>
<label for="email">Your email</label>
<input id="email" type="email" autocomplete="email" maxlength="320" required>
<button>Send me a link</button>
</form>
<p id="result" role="status" aria-live="polite"></p>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but the page's own style and script, and calls to its own origin; a form without the script goes nowhere. */
export const PASSWORD_PAGE_POLICY = [
  `default-src 'none'`,
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  `connect-src 'self'`,
  `form-action 'none'`,
  `base-uri 'none'`,
  `frame-ancestors 'none'`,
].join('; ');
