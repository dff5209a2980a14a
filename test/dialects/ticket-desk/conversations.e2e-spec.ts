import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import * as td from './ticket-desk-fixtures.js';

let hub: Hub;
let almira: td.Person;
let ally: td.Person;
let other: td.Person;
beforeAll(async () => {
  hub = await startHub();
  almira = await td.staff(hub, 'almira');
  ally = await td.customer(hub, 'Ally CUSTOMER');
  other = await td.customer(hub, 'Somebody else');
});
afterAll(() => hub.stop());

const SENT = { message: 'message successfully sent' };
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const types = (events: readonly v1.StoredEvent[]): string[] => events.map(({ type }) => type);

describe('the whole conversation', () => {
  it('S0-1, S0-6, S0-7, S0-8: is a bare array of messages in order, and then the marker', async () => {
    const { number } = await td.desk(hub, ally, almira);
    const said = [
      [almira, 'hello user'],
      [almira, 'how are you'],
      [ally, 'hello'],
      [almira, 'hello!'],
    ] as const;
    for (const [who, content] of said) expect((await td.say(who, number, content)).status).toBe(200);
    expect(td.bodyOf(await almira.api.patch(`/conversation/${number}`))).toEqual({
      message: 'Conversation successfully closed',
    });
    const answer = await almira.api.get(`/conversation/${number}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const elements = td.bodyOf(answer) as v1.Json[];
    expect(elements).toEqual([
      ...said.map(([who, content]) => ({
        id: expect.any(Number) as unknown,
        content,
        sentAt: expect.stringMatching(TIME) as unknown,
        sender_id: who.number,
        sender_username: who === ally ? 'Ally CUSTOMER' : 'almira',
        isSender: who === almira,
      })),
      { closed: true },
    ]);
    // field by field in the order of the contract's example
    expect(Object.keys(elements[0] ?? {})).toEqual([
      'id',
      'content',
      'sentAt',
      'sender_id',
      'sender_username',
      'isSender',
    ]);
    const messages = elements.slice(0, -1) as { id: number; sentAt: string }[];
    expect(messages.map(({ id }) => id)).toEqual(messages.map(({ id }) => id).sort((a, b) => a - b));
    expect(messages.map(({ sentAt }) => sentAt)).toEqual(messages.map(({ sentAt }) => sentAt).sort());
    const seenByAlly = await td.read(ally, number);
    expect(seenByAlly.map(({ isSender }) => isSender)).toEqual([false, false, true, false, undefined]);
    expect(seenByAlly.map(({ content }) => content)).toEqual(elements.map(({ content }) => content));
  });

  it('of an open or new conversation ends with {"closed": false}', async () => {
    const { number } = await td.desk(hub, ally, almira);
    expect(await td.read(ally, number)).toEqual([{ closed: false }]);
    await td.say(ally, number, 'x');
    expect((await td.read(almira, number)).at(-1)).toEqual({ closed: false });
  });

  it('keeps the name that a sender had when they wrote', async () => {
    const agent = await td.staff(hub, 'Before');
    const { number } = await td.desk(hub, ally, agent);
    await td.say(agent, number, 'x');
    await hub.admin.patch(`/v1/users/${agent.id}`, { name: 'After' });
    expect(await td.read(ally, number)).toMatchObject([
      { sender_username: 'Before', sender_id: agent.number },
      { closed: false },
    ]);
  });

  it('numbers a program that has written as 0, and is nobody’s own', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    v1.ok(await v1.say(hub.admin, id, 'from a program'));
    const [message] = await td.read(almira, number);
    expect(message).toMatchObject({ content: 'from a program', sender_id: 0, isSender: false });
    expect(message?.['sender_username']).toEqual(expect.any(String));
  });

  it('never holds private notes, drafts or what has not been sent, whoever asks', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    v1.ok(await v1.say(hub.admin, id, 'a private note', { private: true }));
    for (const text of ['a draft', 'tomorrow']) v1.ok(await v1.say(hub.admin, id, text));
    await hub.sql(
      `UPDATE message SET status = 'pending', sent_at = NULL,
         draft_state = CASE WHEN text = 'a draft' THEN 'pending' END,
         scheduled_at = CASE WHEN text = 'tomorrow' THEN now() + interval '1 day' END
       WHERE conversation_id = $1 AND direction = 'outbound'`,
      [v1.uuid(id)],
    );
    for (const who of [ally, almira]) expect(await td.read(who, number)).toEqual([{ closed: false }]);
  });

  it('has text only, whatever was sent; nothing of what was removed', async () => {
    const channel = await v1.channel(hub.admin, { type: 'webchat' });
    const conversation = await v1.conversation(hub.admin, { channelId: channel.id, contactId: other.id });
    const contents: [v1.Json, string][] = [
      [{ type: 'image', url: 'https://example.com/a.png', caption: 'Look' }, 'Look\nhttps://example.com/a.png'],
      [{ type: 'document', url: 'https://example.com/a', filename: 'a.pdf' }, 'a.pdf https://example.com/a'],
      [{ type: 'audio', url: 'https://example.com/a.ogg' }, 'https://example.com/a.ogg'],
      [{ type: 'location', latitude: 1.5, longitude: -2, name: 'Here' }, 'Here\n1.5, -2'],
      [{ type: 'contact', name: 'Bo', phones: ['+551'], emails: ['b@example.com'] }, 'Bo\n+551\nb@example.com'],
      [{ type: 'text', text: ' a\n<b>', quickReplies: [{ id: '1', title: 'Yes' }] }, ' a\n<b>\n- Yes'],
      [{ type: 'buttons', text: 'Well?', buttons: [{ type: 'reply', id: '1', title: 'No' }] }, 'Well?\n- No'],
      [
        { type: 'list', text: 'Pick', button: 'Open', sections: [{ rows: [{ id: '1', title: 'One' }] }] },
        'Pick\n- One',
      ],
      [{ type: 'html', html: '<p>Hi &amp; bye</p><script>no</script>' }, 'Hi & bye'],
      [{ type: 'html', html: '<p>Hi</p>', text: 'plain' }, 'plain'],
      [{ type: 'text', text: 'removed' }, ''],
    ];
    for (const [content] of contents) {
      v1.ok(await hub.admin.post(`/v1/conversations/${conversation.id}/messages`, { content }));
    }
    await hub.sql(`UPDATE message SET deleted_at = now() WHERE text = 'removed'`);
    const [row] = await hub.sql<{ number: string }>('SELECT number::text FROM conversation WHERE id = $1', [
      v1.uuid(conversation.id),
    ]);
    const elements = await td.read(almira, Number(row?.number));
    expect(elements.slice(0, -1).map(({ content }) => content)).toEqual(contents.map(([, text]) => text));
  });

  it('comes whole, however long it is', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    v1.ok(await v1.say(hub.admin, id, 'first'));
    await hub.sql(
      `INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text,
         status, sender, occurred_at, sent_at)
       SELECT organization_id, gen_random_uuid(), conversation_id, channel_id, n, direction, content_type,
         jsonb_build_object('type', 'text', 'text', n::text), text, status, sender, occurred_at, sent_at
       FROM message, generate_series(2, 1200) n WHERE conversation_id = $1 AND seq = 1`,
      [v1.uuid(id)],
    );
    await hub.sql('UPDATE conversation SET message_seq = 1200 WHERE id = $1', [v1.uuid(id)]);
    const elements = await td.read(ally, number);
    const expected = ['first', ...Array.from({ length: 1199 }, (_, i) => String(i + 2)), undefined];
    expect(elements.map(({ content }) => content)).toEqual(expected);
  });
});

describe('a message', () => {
  it('S0-2: of the staff is sent as natively, with the native event', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    const { answer, events } = await v1.told(hub, () => td.say(almira, number, 'Example text!'));
    expect([answer.status, td.bodyOf(answer)]).toEqual([200, SENT]);
    const native = await v1.told(hub, () => hub.as(almira.api.key).post(`/v1/conversations/${id}/messages`, TEXT));
    expect(types(events)).toEqual(['message.sent']);
    expect(shape(events)).toEqual(shape(native.events));
  });

  it('S0-2: of the user is received as natively, with the native event', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    const { answer, events } = await v1.told(hub, () => td.say(ally, number, 'Example text!'));
    expect([answer.status, td.bodyOf(answer)]).toEqual([200, SENT]);
    const native = await v1.told(hub, () => ally.api.post(`/v1/conversations/${id}/messages`, TEXT));
    expect(types(events)).toEqual(['message.received']);
    expect(shape(events)).toEqual(shape(native.events));
    expect(v1.attributes(await hub.admin.get(`/v1/conversations/${id}`))['unreadCount']).toBe(2);
  });

  const TEXT = { content: { type: 'text', text: 'Example text!' } };
  /** What events say, but for what differs between any two messages. */
  const shape = (events: readonly v1.StoredEvent[]): unknown =>
    events.map(({ type, body }) => {
      const { number: _, ...attributes } = v1.at(body, 'data.attributes') as v1.Json;
      return v1.golden({ type, attributes });
    });

  it('into a closed conversation is refused with 403, of the staff and of the user, and nothing happens', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    await almira.api.patch(`/conversation/${number}`);
    const before = await v1.checksum(hub);
    for (const who of [almira, ally]) td.expectRefusal(await td.say(who, number, 'x'), 403, /closed/);
    const after = await v1.checksum(hub);
    expect({ ...after, contact: before['contact'] }).toEqual(before);
    expect(v1.attributes(await hub.admin.get(`/v1/conversations/${id}`))['status']).toBe('closed');
  });

  it('wakes a snoozed conversation when the user writes', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/snooze`, { until: '2999-01-01T00:00:00Z' }));
    expect((await td.say(ally, number, 'x')).status).toBe(200);
    expect(v1.attributes(await hub.admin.get(`/v1/conversations/${id}`))['status']).toBe('open');
  });

  it('of the staff needs an active channel; the desk’s own always is', async () => {
    const channel = await v1.channel(hub.admin, { type: 'webchat' });
    const ticket = await v1.ticket(hub.admin, { contactId: ally.id });
    await v1.conversation(hub.admin, { channelId: channel.id, contactId: ally.id, ticketId: ticket.id });
    const { number } = await td.conversationOf(hub, ticket);
    expect((await td.say(almira, number, 'x')).status).toBe(200);
    v1.ok(await hub.admin.post(`/v1/channels/${channel.id}/deactivate`, {}));
    td.expectRefusal(await td.say(almira, number, 'x'), 422, /not active/);
  });

  it('is written once per Idempotency-Key', async () => {
    const { number } = await td.desk(hub, ally, almira);
    const again = { headers: { 'idempotency-key': 'one' } };
    for (let i = 0; i < 2; i++) {
      const answer = await ally.api.post<unknown>(`/conversation/${number}/message`, { content: 'once' }, again);
      expect([answer.status, td.bodyOf(answer)]).toEqual([200, SENT]);
    }
    expect((await td.read(ally, number)).length).toBe(2);
  });

  it('20 at once are all there, each once, in one order for everybody', async () => {
    const { number } = await td.desk(hub, ally, almira);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => td.say(i % 2 ? ally : almira, number, `m${i}`)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const contents = (await td.read(ally, number)).slice(0, -1).map(({ content }) => content);
    expect(new Set(contents).size).toBe(20);
    expect((await td.read(almira, number)).slice(0, -1).map(({ content }) => content)).toEqual(contents);
  });
});

describe('closing', () => {
  it('S0-5: closes as natively, and again changes and tells nothing', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    const first = await v1.told(hub, () => almira.api.patch(`/conversation/${number}`));
    expect([first.answer.status, td.bodyOf(first.answer)]).toEqual([
      200,
      { message: 'Conversation successfully closed' },
    ]);
    expect(types(first.events)).toEqual(['conversation.closed']);
    const twin = await td.desk(hub, ally, almira);
    const native = await v1.told(hub, () => hub.as(almira.api.key).post(`/v1/conversations/${twin.id}/close`));
    const changes = (events: readonly v1.StoredEvent[]): unknown => v1.golden(v1.at(events[0]?.body, 'meta.changes'));
    expect(changes(first.events)).toEqual(changes(native.events));
    const before = await v1.checksum(hub);
    const again = await almira.api.patch(`/conversation/${number}`);
    expect([again.status, again.text]).toEqual([200, first.answer.text]);
    expect(await v1.checksum(hub)).toEqual(before);
    expect(v1.attributes(await hub.admin.get(`/v1/conversations/${id}`))).toMatchObject({
      status: 'closed',
      closedBy: { id: almira.id },
    });
  });

  it('20 at once close once, while others write', async () => {
    const { number, id } = await td.desk(hub, ally, almira);
    const { answer, events } = await v1.told(hub, () =>
      Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          i % 2 ? almira.api.patch(`/conversation/${number}`) : td.say(i % 4 ? ally : almira, number, `${i}`),
        ),
      ),
    );
    expect([...new Set(answer.map(({ status }) => status))].filter((status) => ![200, 403].includes(status))).toEqual(
      [],
    );
    expect(types(events).filter((type) => type.startsWith('conversation.'))).toEqual(['conversation.closed']);
    const sent = answer.filter(({ text }) => text === JSON.stringify(SENT)).length;
    const elements = await td.read(ally, number);
    expect([elements.length - 1, elements.at(-1)]).toEqual([sent, { closed: true }]);
    expect(types(await v1.events(hub, id)).at(-1)).toBe('conversation.closed');
  });
});
