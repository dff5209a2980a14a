import type { Answer } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import { png, upload } from '../../e2e/media-fixtures.js';
import * as v1 from '../v1/v1-fixtures.js';
import { Enneo, numberOf, thread, turnIntoEmail, type EnneoConversation } from './enneo-fixtures.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const HTML = '<p>Thank you for your message, we can inform you that...</p>';

describe('S2 the conversations of a ticket', () => {
  let hub: Hub;
  let enneo: Enneo;
  let agent: Session;
  let agentNumber: number;

  beforeAll(async () => {
    hub = await startHub();
    agent = await colleague(hub, { api: hub.admin } as Session, 'agent');
    agentNumber = numberOf(v1.ok(await hub.admin.patch(`/v1/users/${agent.userId}`, { name: 'Enneo Admin' })));
    enneo = new Enneo(agent.api);
  });
  afterAll(() => hub.stop());

  const itemsOf = async (ticket: number, query = ''): Promise<readonly EnneoConversation[]> => {
    const { http, conversations, success } = await enneo.get(ticket, query);
    expect([http, success]).toEqual([200, true]);
    return conversations;
  };
  const say = (conversationId: string, content: v1.Json | string, more: v1.Json = {}): Promise<Answer> =>
    agent.api.post(`/v1/conversations/${conversationId}/messages`, {
      content: typeof content === 'string' ? { type: 'text', text: content } : content,
      ...more,
    });
  const messages = (items: readonly EnneoConversation[]): string[] => items.map(({ content }) => content.message);
  const number = (answer: Answer): number => numberOf(v1.ok(answer));

  it('S2-1 nothing said yet: an empty list, and success', async () => {
    const { number: ticket } = await thread(hub);
    const answer = await enneo.get(ticket);
    expect(answer.text).toBe('{"conversations":[],"success":true}');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const bare = await v1.ticket(hub.admin);
    expect((await enneo.get(numberOf(bare))).text).toBe('{"conversations":[],"success":true}');
  });

  it('S2-2 an email that came in and the answer to it, field by field', async () => {
    const { contact, channel, conversation, number: ticket } = await thread(hub, { email: 'to@gmail.com' });
    const received = await v1.inbound(hub.admin, channel.id, {
      externalId: 'msg-123-abc',
      contact: { externalId: 'to@gmail.com', email: 'to@gmail.com' },
      content: { type: 'html', html: '<p>Meter: 1234</p>' },
      recipients: { to: ['service@enneo.ai'], cc: ['cc@gmail.com'] },
      metadata: { intentIds: ['ai_agent_meter_reading'], cortexRequestId: 123, externalConversationId: 'abc-123' },
    });
    const sent = await say(
      conversation.id,
      { type: 'html', html: HTML },
      { recipients: { to: ['to@gmail.com', 'second@gmail.com'], cc: ['cc@gmail.com'], bcc: ['bcc@gmail.com'] } },
    );
    const plain = await say(conversation.id, 'And by the way');
    await turnIntoEmail(hub, channel, 'service@enneo.ai');
    const common = { ticketId: ticket, private: false, isDraft: false, isRead: true, attachments: [], interface: {} };
    const times = { createdAt: TIME, modifiedAt: TIME };
    const ofAgent = {
      ...common,
      ...times,
      direction: 'out',
      fromEmail: 'service@enneo.ai',
      fromEmailName: 'Enneo Admin',
      agentId: agentNumber,
      sender: { id: agentNumber, name: 'Enneo Admin', email: agent.email, subchannelId: null },
      channelId: null,
      intentIds: [],
      cortexRequestId: null,
      externalConversationId: null,
    };
    expect(await itemsOf(ticket)).toEqual([
      {
        ...common,
        ...times,
        id: number(received),
        type: 'html',
        direction: 'in',
        fromEmail: 'to@gmail.com',
        fromEmailName: 'Ada Lovelace',
        sender: { id: numberOf(contact), name: 'Ada Lovelace', email: 'to@gmail.com', subchannelId: null },
        toEmail: ['service@enneo.ai'],
        to: ['service@enneo.ai'],
        ccEmails: ['cc@gmail.com'],
        bccEmails: [],
        channelId: 'msg-123-abc',
        content: { message: '<p>Meter: 1234</p>' },
        intentIds: ['ai_agent_meter_reading'],
        cortexRequestId: 123,
        externalConversationId: 'abc-123',
      },
      {
        ...ofAgent,
        id: number(sent),
        type: 'html',
        toEmail: ['to@gmail.com', 'second@gmail.com'],
        to: ['to@gmail.com', 'second@gmail.com'],
        ccEmails: ['cc@gmail.com'],
        bccEmails: ['bcc@gmail.com'],
        content: { message: HTML },
      },
      {
        ...ofAgent,
        id: number(plain),
        type: 'text',
        toEmail: ['to@gmail.com'],
        to: ['to@gmail.com'],
        ccEmails: [],
        bccEmails: [],
        content: { message: 'And by the way' },
      },
    ]);
  });

  it('S2-2 a chat has no fields of email, and the chat’s id as channelId', async () => {
    const { channel, conversation, number: ticket } = await thread(hub, { phone: '+5511988887766' });
    await say(conversation.id, 'Hello');
    const [first] = await itemsOf(ticket);
    expect(first).toMatchObject({ to: ['+5511988887766'], channelId: String(numberOf(conversation)), isRead: true });
    for (const field of ['toEmail', 'ccEmails', 'bccEmails']) expect(first).not.toHaveProperty(field);
    await v1.inbound(hub.admin, channel.id, {
      externalId: 'ext-of-chat',
      contact: { externalId: 'chat-77', phone: '+5511988887766' },
    });
    const [before, said] = await itemsOf(ticket);
    expect(before).toMatchObject({ to: ['chat-77'], channelId: 'chat-77' });
    expect(said).toMatchObject({ to: [], channelId: 'chat-77', externalConversationId: 'ext-of-chat', isRead: false });
    expect(said).not.toHaveProperty('fromEmail');
    await agent.api.post(`/v1/conversations/${conversation.id}/read`);
    expect((await itemsOf(ticket))[1]).toMatchObject({ isRead: true });
  });

  it('S2-2 a letter goes to a postal address', async () => {
    const { conversation, number: ticket } = await thread(hub);
    const address = 'John Smith, Smithway 1, 12345 Berlin, Germany';
    await say(conversation.id, 'Dear John', { recipients: { to: [address] } });
    expect((await itemsOf(ticket))[0]).toMatchObject({ to: [address] });
  });

  it('S2-2 notes are private, drafts wait for a supervisor', async () => {
    const { conversation, number: ticket } = await thread(hub);
    await say(conversation.id, 'Between us', { private: true });
    const draft = v1.ok(await say(conversation.id, 'May I?', { draft: true }));
    const seen = (items: readonly EnneoConversation[]) =>
      items.map(({ private: isPrivate, isDraft, direction, content }) => [
        content.message,
        direction,
        isPrivate,
        isDraft,
      ]);
    expect(seen(await itemsOf(ticket))).toEqual([
      ['Between us', 'out', true, false],
      ['May I?', 'out', false, true],
    ]);
    expect((await itemsOf(ticket))[0]).toMatchObject({ to: [], isRead: true });
    v1.ok(await hub.admin.post(`/v1/messages/${draft.id}/approve`));
    expect(seen(await itemsOf(ticket))[1]).toEqual(['May I?', 'out', false, false]);
  });

  it('leaves out what would look sent and is not: rejected drafts, deleted ones, what has its time yet', async () => {
    const { conversation, number: ticket } = await thread(hub);
    const [rejected, deleted] = [
      v1.ok(await say(conversation.id, 'No', { draft: true })),
      v1.ok(await say(conversation.id, 'Never mind', { draft: true })),
    ];
    v1.ok(await hub.admin.post(`/v1/messages/${rejected.id}/reject`, {}));
    await agent.api.delete(`/v1/messages/${deleted.id}`);
    v1.ok(await say(conversation.id, 'Tomorrow', { scheduledAt: new Date(Date.now() + 86_400_000).toISOString() }));
    expect(await itemsOf(ticket)).toEqual([]);
  });

  it('shows that something was said, and no more, once it is deleted', async () => {
    const { conversation, number: ticket } = await thread(hub);
    const said = v1.ok(await say(conversation.id, 'Secret'));
    const [before] = await itemsOf(ticket);
    expect(before?.['modifiedAt']).toBe(before?.['createdAt']);
    await agent.api.delete(`/v1/messages/${said.id}`);
    const [after] = await itemsOf(ticket);
    expect(after).toMatchObject({ type: 'deleted', content: { message: '' }, attachments: [] });
    expect(Date.parse(String(after?.['modifiedAt']))).toBeGreaterThan(Date.parse(String(before?.['createdAt'])));
  });

  it('C4 all conversations of the ticket in the order of writing, and none of another ticket', async () => {
    const { contact, ticket, conversation, number: ticketNumber } = await thread(hub);
    const other = await v1.conversation(hub.admin, {
      channelId: (await v1.channel(hub.admin)).id,
      contactId: contact.id,
      contact: undefined,
      ticketId: ticket.id,
    });
    const stranger = await thread(hub);
    for (const [n, id] of [conversation.id, other.id, stranger.conversation.id, conversation.id, other.id].entries()) {
      v1.ok(await say(id, `${n}`));
    }
    const items = await itemsOf(ticketNumber);
    expect(messages(items)).toEqual(['0', '1', '3', '4']);
    expect(new Set(items.map(({ ticketId }) => ticketId))).toEqual(new Set([ticketNumber]));
    expect(messages(await itemsOf(stranger.number))).toEqual(['2']);
  });

  it('C20 every content has its words as message', async () => {
    const { conversation, number: ticket } = await thread(hub);
    const url = 'https://example.com/a.png';
    const contents: [v1.Json, string][] = [
      [{ type: 'text', text: '<b>' }, '<b>'],
      [{ type: 'html', html: '<b>x</b>', text: 'x' }, '<b>x</b>'],
      [{ type: 'image', url, caption: 'Look' }, `Look\n${url}`],
      [{ type: 'document', url, filename: 'a.pdf' }, `a.pdf\n${url}`],
      [{ type: 'location', latitude: 1.5, longitude: -2, name: 'Here' }, 'Here\n1.5, -2'],
      [{ type: 'contact', name: 'Bob', phones: ['+1'], emails: ['b@x.io'] }, 'Bob\n+1\nb@x.io'],
      [{ type: 'buttons', text: 'Which?', buttons: [{ type: 'reply', id: '1', title: 'A' }] }, 'Which?'],
    ];
    for (const [content] of contents) v1.ok(await say(conversation.id, content));
    const template = { type: 'template', template: { name: 'welcome', language: 'en' } };
    const last = v1.ok(await say(conversation.id, 'as WhatsApp would carry it'));
    await hub.sql('UPDATE message SET content = $2 WHERE id = $1', [v1.uuid(last.id), template]);
    contents.push([template, 'welcome']);
    const items = await itemsOf(ticket);
    expect(items.map(({ type, content }) => [type, content.message])).toEqual(
      contents.map(([{ type }, message]) => [type, message]),
    );
  });

  it('bots have a number and no email; a key has neither; what is of no use in the metadata is passed over', async () => {
    const { conversation, number: ticket } = await thread(hub);
    const metadata = { intentIds: ['a', 7, null], cortexRequestId: '9', externalConversationId: 5 };
    v1.ok(await v1.say(hub.admin, conversation.id, 'By a key', { metadata }));
    const bot = await v1.bot(hub.admin, { name: 'Robo' });
    await hub.sql(`UPDATE message SET sender = $2 WHERE conversation_id = $1`, [
      v1.uuid(conversation.id),
      { type: 'bot', id: v1.uuid(bot.id), name: 'Robo' },
    ]);
    v1.ok(await v1.say(hub.admin, conversation.id, 'By a key'));
    const [ofBot, ofKey] = await itemsOf(ticket);
    const none = { cortexRequestId: null, externalConversationId: null };
    expect(ofBot).toMatchObject({ sender: { name: 'Robo', subchannelId: null }, intentIds: ['a'], ...none });
    expect(Object.keys(ofBot?.sender ?? {})).toEqual(['id', 'name', 'subchannelId']);
    expect(Object.keys(ofKey?.sender ?? {})).toEqual(['name', 'subchannelId']);
    for (const one of [ofBot, ofKey]) {
      expect(one).not.toHaveProperty('agentId');
      expect(one).not.toHaveProperty('fromEmail');
    }
  });

  describe('S2-4 attachments', () => {
    it('the published example, field by field; what is null there is left out', async () => {
      const { conversation, number: ticket } = await thread(hub);
      const uploaded = v1.ok(await upload(agent.api, png(3120, 4160), { filename: 'IMG_20230301_192712.jpg' }));
      v1.ok(await say(conversation.id, 'See', { attachments: [uploaded.id] }));
      const originalUrl = 'https://storage.example.com/attachments/IMG_20230301_192712.jpg';
      await hub.sql(
        `UPDATE attachment SET number = 103013960646, size = 2292952, content_type = 'image/jpeg', original_url = $2,
           extraction_status = 'success', extraction_data = $3 WHERE id = $1`,
        [v1.uuid(uploaded.id), originalUrl, { confidence: 0.815, meterValue: 87870.5 }],
      );
      const [item] = await itemsOf(ticket);
      expect(item?.attachments).toEqual([
        {
          id: 103013960646,
          url: expect.stringMatching(new RegExp(`^${hub.url}/media/[\\w-]{91}$`)) as string,
          name: 'IMG_20230301_192712.jpg',
          size: 2292952,
          width: 3120,
          height: 4160,
          inline: false,
          fileEnding: 'jpg',
          contentType: 'image/jpeg',
          originalUrl,
          extractionStatus: 'success',
          extractionData: { confidence: 0.815, meterValue: 87870.5 },
        },
      ]);
    });

    it('whoever has the url gets the file, without signing in', async () => {
      const { conversation, number: ticket } = await thread(hub);
      const uploaded = v1.ok(await upload(agent.api, 'Meter: 1234', { filename: 'README' }));
      v1.ok(await say(conversation.id, 'See', { attachments: [uploaded.id] }));
      const [item] = await itemsOf(ticket);
      const [file] = item?.attachments ?? [];
      expect(await (await fetch(file?.url ?? '')).text()).toBe('Meter: 1234');
      for (const none of ['width', 'height', 'fileEnding', 'originalUrl', 'extractedData', 'extractionData']) {
        expect(file).not.toHaveProperty(none);
      }
      expect(file).toMatchObject({ size: 11, inline: false, extractionStatus: 'notStarted' });
    });

    it('what is kept elsewhere has its own address, as a URI', async () => {
      const { channel, number: ticket, contact } = await thread(hub);
      const file = (url: string) => ({ url, name: 'Zählerstand (1).PDF', contentType: 'application/pdf' });
      v1.ok(
        await v1.inbound(hub.admin, channel.id, {
          contact: { externalId: 'x', phone: contact.attributes['phone'] },
          attachments: [file('https://x.example/a?é=100%|b'), file('https://[')],
        }),
      );
      const [item] = await itemsOf(ticket);
      const url = 'https://x.example/a?%C3%A9=100%25%7Cb';
      const rest = { name: 'Zählerstand (1).PDF', fileEnding: 'pdf', contentType: 'application/pdf', inline: false };
      const common = { ...rest, id: expect.any(Number) as number, extractionStatus: 'notStarted' };
      expect(item?.attachments).toEqual([{ ...common, url, originalUrl: url }, common]);
    });
  });

  it('S2-1 includeRawData adds what was kept, where something was, and only then', async () => {
    const { channel, contact, conversation, number: ticket } = await thread(hub);
    const raw = { headers: { subject: 'Meter' }, n: null };
    const from = { externalId: 'x', phone: contact.attributes['phone'] };
    v1.ok(await v1.inbound(hub.admin, channel.id, { contact: from, raw }));
    v1.ok(await say(conversation.id, 'Thanks'));
    for (const query of ['', 'includeRawData=false', 'includeRawData=0']) {
      for (const item of await itemsOf(ticket, query)) expect(item).not.toHaveProperty('rawData');
    }
    for (const query of ['includeRawData=true', 'includeRawData=1&unknown=x']) {
      const [received, sent] = await itemsOf(ticket, query);
      expect(received?.['rawData']).toEqual(raw);
      expect(sent).not.toHaveProperty('rawData');
    }
  });
});
