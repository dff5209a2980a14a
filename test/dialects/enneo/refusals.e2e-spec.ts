import { jest } from '@jest/globals';
import pg from 'pg';
import { colleague, login, type Session } from '../../e2e/auth-fixtures.js';
import type { Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import { breaches, Enneo, numberOf, thread, type EnneoAnswer } from './enneo-fixtures.js';

const NOBODYS = 987_654_321;

describe('S2 who and what is refused, and what it costs', () => {
  let hub: Hub;
  let agent: Session;
  let enneo: Enneo;
  let ticket: number;
  let contactId: string;

  beforeAll(async () => {
    hub = await startHub();
    agent = await colleague(hub, { api: hub.admin } as Session, 'agent');
    enneo = new Enneo(agent.api);
    const made = await thread(hub);
    [ticket, contactId] = [made.number, made.contact.id];
    v1.ok(await v1.say(hub.admin, made.conversation.id, 'Hello'));
  });
  afterAll(() => hub.stop());

  const told = ({ http, error, details }: EnneoAnswer) => ({ http, error, details });

  it('S2-3 an error has error, details and txId, which is the id of the request', async () => {
    const answer = await enneo.get(NOBODYS, '', { 'x-request-id': 'c916167c94' });
    expect(JSON.parse(answer.text)).toEqual({
      error: 'Ticket not found',
      details: 'Ticket does not exist',
      txId: 'c916167c94',
    });
    expect(answer.headers.get('x-request-id')).toBe('c916167c94');
  });

  it.each(['0', '-1', '1.5', '01', '1e3', 'abc', '%20', '%00', '%FF', '9007199254740992', '9'.repeat(300), '1;--'])(
    'S2-1 the ticket %s does not exist',
    async (id) => {
      const answer = await enneo.get(id);
      expect([answer.http, answer.txId]).toEqual([404, answer.headers.get('x-request-id')]);
    },
  );

  it('C11 another organization’s ticket is one that does not exist', async () => {
    const theirs = numberOf(await v1.ticket(await hub.newOrganization('other inc')));
    expect(told(await enneo.get(theirs))).toEqual(told(await enneo.get(NOBODYS)));
  });

  it.each(['yes', '', 'TRUE', '2', 'null', 'true&includeRawData=true', '%00'])(
    'S2-1 includeRawData=%s is a 400 that names it',
    async (value) => {
      const answer = await enneo.get(ticket, `includeRawData=${value}`);
      expect(answer.http).toBe(400);
      expect(answer.error).toEqual(expect.any(String));
      if (value !== '%00') expect(answer.details).toContain('includeRawData');
    },
  );

  it('every error of the mount has its shape, also where there is no route', async () => {
    for (const [method, path] of [
      ['GET', '/api/mind/nothing'],
      ['POST', `/api/mind/ticket/${ticket}/conversation`],
      ['GET', `/api/mind/ticket/%/conversation`],
    ] as const) {
      const response = await fetch(hub.url + path, { method });
      const body: unknown = await response.json();
      expect([path, response.status, breaches(response.status, body)]).toEqual([path, 404, []]);
    }
  });

  it('what nobody has foreseen is a 500 without details', async () => {
    await hub.sql('ALTER TABLE ticket RENAME TO hidden');
    try {
      expect(told(await enneo.get(ticket))).toEqual({ http: 500, error: 'Internal error', details: '' });
    } finally {
      await hub.sql('ALTER TABLE hidden RENAME TO ticket');
    }
  });

  describe('C7 who may come in', () => {
    it.each(['agent', 'supervisor', 'admin', 'super_admin'])('a user who is %s', async (role) => {
      const api = role === 'super_admin' ? await promoted() : await Enneo.as(hub, role);
      expect((await api.get(ticket)).http).toBe(200);
    });

    async function promoted(): Promise<Enneo> {
      const session = await colleague(hub, { api: hub.admin } as Session, 'admin');
      await hub.sql(`UPDATE users SET role = 'super_admin' WHERE id = $1`, [v1.uuid(session.userId)]);
      return new Enneo(session.api);
    }

    it('whoever has signed in with the cookie; it is worth nothing once they have signed out', async () => {
      const signedIn = await login(hub, agent.email, undefined, { session: 'cookie' });
      const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
      expect(cookie).toMatch(/^connect\.sid=cs_/);
      const nobody = new Enneo(hub.as(''));
      expect((await nobody.get(ticket, '', { cookie, authorization: '' })).http).toBe(200);
      const other = await login(hub, agent.email, undefined, { session: 'cookie' });
      const gone = other.headers.get('set-cookie')?.split(';')[0] ?? '';
      await hub.sql(`UPDATE session SET revoked_at = now() WHERE cookie_hash IS NOT NULL`);
      expect((await nobody.get(ticket, '', { cookie: gone, authorization: '' })).http).toBe(403);
    });

    it('nobody else: no 401, but a 403 that says Unauthorized', async () => {
      const customer = await colleague(hub, { api: hub.admin } as Session, 'customer');
      const { token } = v1.ok(await hub.admin.post<{ token: string }>(`/v1/contacts/${contactId}/token`, {}));
      const credentials = {
        nothing: '',
        nonsense: 'eyJ.x.y',
        'an API key': hub.admin.key,
        'a key with the scope': (await hub.withScopes('conversations:read')).key,
        'the contact’s token': token,
        'a customer': customer.accessToken,
      };
      for (const [whose, credential] of Object.entries(credentials)) {
        const answer = await new Enneo(hub.as(credential)).get(ticket);
        expect([whose, answer.http, answer.error]).toEqual([whose, 403, 'Unauthorized']);
        expect(answer.details).not.toBe('');
      }
      const others: Record<string, string>[] = [
        { 'x-api-key': hub.admin.key },
        { cookie: `connect.sid=${hub.admin.key}` },
      ];
      for (const headers of others) {
        const answer = await new Enneo(hub.as('')).get(ticket, '', { authorization: '', ...headers });
        expect(answer.http).toBe(403);
      }
    });
  });

  it('asks the database as often for 200 messages as for one, and writes nothing', async () => {
    const few = await thread(hub);
    v1.ok(await v1.say(hub.admin, few.conversation.id, 'One'));
    const many = await thread(hub);
    const phone = many.contact.attributes['phone'];
    for (let n = 0; n < 100; n++) {
      v1.ok(
        await v1.inbound(hub.admin, many.channel.id, {
          contact: { externalId: 'x', phone },
          attachments: [{ url: `https://x.example/${n}`, name: `${n}.pdf`, contentType: 'application/pdf' }],
          raw: { n },
        }),
      );
      v1.ok(await v1.say(agent.api, many.conversation.id, `${n}`));
    }
    const spy = jest.spyOn(pg.Client.prototype, 'query');
    const once = async (of: number): Promise<[number, number]> => {
      spy.mockClear();
      const { conversations } = await enneo.get(of, 'includeRawData=true');
      return [conversations.length, spy.mock.calls.length];
    };
    /** The least of five: what the process does beside them is counted, too. */
    const cost = async (of: number): Promise<[number, number]> => {
      const counts: number[] = [];
      let length = 0;
      for (let n = 0; n < 5; n++) {
        const [found, asked] = await once(of);
        length = found;
        counts.push(asked);
      }
      return [length, Math.min(...counts)];
    };
    await cost(few.number); // what is asked once a process
    const before = await v1.checksum(hub);
    const [one, queries] = await cost(few.number);
    expect(queries).toBeGreaterThan(0);
    expect([one, await cost(many.number)]).toEqual([1, [200, queries]]);
    spy.mockRestore();
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('streams batch by batch, each item once and every link absolute', async () => {
    const { conversation, number, channel } = await thread(hub);
    await fill(conversation, channel, 1000, 1);
    await hub.sql(
      `INSERT INTO attachment (organization_id, id, message_id, kind, name, content_type, size, storage_key, created_by)
       SELECT organization_id, id, id, 'document', 'a.txt', 'text/plain', 1, id::text, '{"type":"system"}' FROM message
       WHERE conversation_id = $1`,
      [v1.uuid(conversation.id)],
    );
    const { conversations } = await enneo.get(number);
    const expected = Array.from({ length: 1000 }, (_, n) => String(n + 1));
    expect(conversations.map(({ content }) => content.message)).toEqual(expected);
    const hosts = new Set(conversations.map(({ attachments: [file] }) => new URL(file?.url ?? '').origin));
    expect(hosts).toEqual(new Set([hub.url]));
  });

  it('breaks off when something fails later, so that nobody takes a part for the whole', async () => {
    const { conversation, number, channel } = await thread(hub);
    await fill(conversation, channel, 5000, 10_000);
    const response = await fetch(`${hub.url}/api/mind/ticket/${number}/conversation`, {
      headers: { authorization: `Bearer ${agent.accessToken}` },
    });
    expect(response.status).toBe(200);
    await hub.sql('ALTER TABLE message RENAME TO hidden');
    try {
      await expect(response.text()).rejects.toThrow('terminated');
    } finally {
      await hub.sql('ALTER TABLE hidden RENAME TO message');
    }
    expect((await enneo.get(ticket)).http).toBe(200);
  });

  /** Received messages 1 to `count`, each `size` times as long as its number, and each said to have a file. */
  const fill = ({ id }: Resource, channel: Resource, count: number, size: number): Promise<object[]> =>
    hub.sql(
      `INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text,
         status, sender, metadata, occurred_at, attachment_count)
       SELECT c.organization_id, ('01900000-0000-7000-8000-' || lpad(to_hex(c.number * 10000 + n), 12, '0'))::uuid, c.id, $2,
         n, 'inbound', 'text', jsonb_build_object('type', 'text', 'text', repeat(n::text, $4)), 'x', 'delivered',
         '{"type":"system","id":null,"name":"S"}', '{}', now(), 1
       FROM conversation c, generate_series(1, $3) n WHERE c.id = $1`,
      [v1.uuid(id), v1.uuid(channel.id), count, size],
    );
});
