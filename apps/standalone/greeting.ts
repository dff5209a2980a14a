import type { Settings } from './settings.js';

/** What the terminal shows once everything runs. */
export function greeting(url: string, settings: Settings, key: { created: string | null; given: boolean }): string {
  const scope =
    settings.embedded && settings.host === '127.0.0.1' ? '  (this machine only; HOST=0.0.0.0 opens it to others)' : '';
  const shown = key.created
    ? `${key.created}  (shown this once: keep it)`
    : key.given
      ? 'the one in BOOTSTRAP_API_KEY'
      : 'was shown at the first start (lost: start once with BOOTSTRAP_API_KEY=sk_... of 32 characters or more)';
  return `
Switchboard is ready:  ${url}${scope}
OpenAPI:               ${url}/docs
Admin API key:         ${shown}
Data and logs:         ${settings.dataDir}

Try it in another terminal${key.created ? '' : ', where KEY=<your key> is set'} (a channel of your own, a message from a contact, the conversation it opened):

${tries(url, key.created).join('\n')}

Ctrl-C stops everything.`;
}

/** Three lines to paste into a shell. */
function tries(url: string, key: string | null): string[] {
  const json = '-H "Content-Type: application/json"';
  const auth = '-H "Authorization: Bearer $KEY"';
  const id = `sed -n 's/.*"id":"\\(ch_[^"]*\\)".*/\\1/p'`;
  const message = {
    externalId: 'first-message',
    contact: { externalId: 'ada', name: 'Ada' },
    content: { type: 'text', text: 'Hello!' },
  };
  return [
    `${key ? `KEY=${key}; ` : ''}CHANNEL=$(curl -sS ${url}/v1/channels ${auth} ${json} -d '{"name":"My app","type":"api"}' | ${id}); echo $CHANNEL`,
    `curl -sS ${url}/v1/channels/$CHANNEL/messages ${auth} ${json} -d '${JSON.stringify(message)}'`,
    `curl -sS ${url}/v1/conversations ${auth}`,
  ];
}
