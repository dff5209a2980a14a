import { createHash } from 'node:crypto';
import vm from 'node:vm';
import { jest } from '@jest/globals';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startMailbox, type Mailbox } from '../support/mailbox.js';
import { codeOf, login, newEmail, register, signIn } from './auth-fixtures.js';

jest.setTimeout(60_000);

const NEW = 'another good password';

interface Element {
  hidden: boolean;
  value: string;
  textContent: string;
  className: string;
  disabled: boolean;
  submit: ((event: object) => void) | null;
  focus(): void;
  addEventListener(type: string, listener: (event: object) => void): void;
}

function element(hidden: boolean): Element {
  return {
    hidden,
    value: '',
    textContent: '',
    className: '',
    disabled: false,
    submit: null,
    focus: () => undefined,
    addEventListener(_type, listener) {
      this.submit = listener;
    },
  };
}

describe('the page that mailed links lead to', () => {
  let hub: Hub;
  let mailbox: Mailbox;
  let html: string;
  let headers: Headers;
  beforeAll(async () => {
    mailbox = await startMailbox();
    hub = await startHub({ env: { SMTP_URL: mailbox.url } });
    const answer = await fetch(`${hub.url}/password`);
    expect(answer.status).toBe(200);
    headers = answer.headers;
    html = await answer.text();
  });
  afterAll(async () => {
    await hub.stop();
    await mailbox.stop();
  });

  const inside = (tag: string): string => new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';

  /** The page as a browser would run it at this address, as far as its script goes. */
  function open(address: string) {
    const ids = [...html.matchAll(/<(\w+) id="(\w+)"([^>]*)>/g)];
    const elements = Object.fromEntries(ids.map(([, , id, rest]) => [id, element(/ hidden/.test(rest ?? ''))]));
    const at = (id: string): Element => elements[id]!;
    const url = new URL(address);
    const location = { hash: url.hash, pathname: url.pathname };
    const asked: string[] = [];
    vm.runInNewContext(inside('script'), {
      document: { getElementById: at },
      location,
      history: { replaceState: (_state: null, _title: string, path: string) => (location.hash = path && '') },
      URLSearchParams,
      fetch: (path: string, init: RequestInit) => {
        asked.push(path);
        return fetch(new URL(path, `${hub.url}${url.pathname}`), init);
      },
    });
    const submit = async (form: string): Promise<string> => {
      at('result').textContent = '';
      at(form).submit?.({ preventDefault: () => undefined, submitter: element(false) });
      return eventually(() => at('result').textContent, 'the page tells a result');
    };
    return { at, submit, location, asked };
  }

  const linkFor = async (email: string): Promise<string> => {
    const { text } = await mailbox.next(email);
    return /http\S+/.exec(text)?.[0] ?? '';
  };

  it('runs its own script and style and nothing else, and tells no other site where it is', () => {
    const policy = headers.get('content-security-policy') ?? '';
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toContain(`script-src ${hash(inside('script'))};`);
    expect(policy).toContain(`style-src ${hash(inside('style'))};`);
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(html).not.toMatch(/ on\w+=|https?:|<script src/);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
    });
  });

  it('names every field and speaks up when something has happened', () => {
    const inputs = [...html.matchAll(/<input id="(\w+)"/g)].map(([, id]) => id);
    expect(inputs).toEqual(['password', 'again', 'email']);
    for (const id of inputs) expect(html).toContain(`<label for="${id}">`);
    expect(html).toMatch(/role="status" aria-live="polite"/);
    expect(html).toMatch(/<html lang="en">/);
  });

  it('is where the link of an invitation leads, and lets the invited in', async () => {
    const owner = await register(hub);
    const email = newEmail();
    await owner.api.post('/v1/users', { email, name: 'New' });
    const link = await linkFor(email);
    expect(link).toMatch(/^http:\/\/localhost:\d+\/password#token=pw_/);
    const page = open(link);
    expect([page.at('set').hidden, page.at('ask').hidden]).toEqual([false, true]);
    page.at('password').value = NEW;
    page.at('again').value = 'something else';
    expect(await page.submit('set')).toBe('The two passwords are not the same.');
    page.at('password').value = page.at('again').value = 'short';
    expect(await page.submit('set')).toMatch(/8 characters/);
    page.at('password').value = page.at('again').value = NEW;
    expect(await page.submit('set')).toBe('The password is set: sign in with it.');
    expect([page.at('set').hidden, page.location.hash]).toEqual([true, '']);
    expect((await signIn(hub, email, NEW)).email).toBe(email);

    const late = open(link);
    late.at('password').value = late.at('again').value = NEW;
    expect(await late.submit('set')).toBe('This link has been used or has expired. Ask for a new one.');
    expect([late.at('set').hidden, late.at('ask').hidden]).toEqual([true, false]);
  });

  it('without a token asks for a link, whoever has the email', async () => {
    const { email } = await register(hub);
    const texts = [];
    for (const one of [email, newEmail()]) {
      const page = open(`${hub.url}/password`);
      expect([page.at('set').hidden, page.at('ask').hidden]).toEqual([true, false]);
      page.at('email').value = one;
      texts.push(await page.submit('ask'));
    }
    expect(texts[0]).toBe('If somebody has this email, a link is on its way.');
    expect(texts[1]).toBe(texts[0]);
    const page = open(await linkFor(email));
    page.at('password').value = page.at('again').value = NEW;
    await page.submit('set');
    expect(codeOf(await login(hub, email, NEW))).toBe('200');
    expect(page.asked).toEqual(['v1/auth/password/confirm']); // relative: it works under the path of a PUBLIC_URL, too
  });
});
