import { jest } from '@jest/globals';
import { readdir, stat } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { startApp } from '../support/app.js';
import { eventually, mediaFolder, startHub, testConfig, type Hub } from '../support/harness.js';
import { BOUNDARY, form, FORM, jpeg, PDF, png, send, upload, type Part } from './media-fixtures.js';

jest.setTimeout(60_000);
const MIB = 1_048_576;

describe('an upload', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  const rows = async (): Promise<number> =>
    (await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM attachment'))[0]?.n ?? 0;
  /** Files that are kept, and those that are coming in. */
  async function files(): Promise<{ kept: number; incoming: number }> {
    const folder = mediaFolder(hub.database);
    const names = await readdir(folder, { recursive: true });
    const found = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).isFile() && name));
    const kept = found.filter((name) => name && !name.startsWith('incoming')).length;
    return { kept, incoming: found.filter((name) => name && name.startsWith('incoming')).length };
  }
  /** Holds that something leaves neither a row nor a file. */
  async function leavingNothing<T>(work: () => Promise<T>): Promise<T> {
    const before = { rows: await rows(), ...(await files()) };
    const result = await work();
    await eventually(async () => (await files()).incoming === 0, 'nothing is left in the spool');
    expect({ rows: await rows(), ...(await files()) }).toEqual(before);
    return result;
  }
  const metric = async (line: string): Promise<number> => {
    const text = await (await fetch(`${hub.url}/metrics`)).text();
    return Number(new RegExp(`^${line} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };

  it('answers flat, keeps the file, and opens it without a key', async () => {
    const content = png(640, 480);
    const answer = await upload(hub.admin, content, { filename: 'Übersicht 日本.png', as: 'image' });
    expect(answer.status).toBe(201);
    expect(answer.data).toEqual({
      id: expect.stringMatching(/^media_[0-9a-z]{26}$/) as string,
      type: 'image',
      url: expect.stringMatching(new RegExp(`^${hub.url}/media/[\\w-]+$`)) as string,
      mimeType: 'image/png',
      size: content.length,
      expiresAt: expect.any(String) as string,
      name: 'Übersicht 日本.png',
      width: 640,
      height: 480,
    });
    const lasts = Date.parse(answer.data.expiresAt) - Date.now();
    expect([lasts > 3_590_000, lasts < 3_910_000]).toEqual([true, true]);
    const file = await fetch(answer.data.url);
    expect([file.status, Buffer.from(await file.arrayBuffer()).equals(content)]).toEqual([200, true]);
    expect(await files()).toMatchObject({ incoming: 0 });
  });

  it('is shown by itself, with a link of its own', async () => {
    const { data } = await upload(hub.admin, 'a,b\n1,2\n', { filename: 'table.csv' });
    const { attributes } = v1.ok(await hub.admin.get(`/v1/media/${data.id}`));
    expect(attributes).toMatchObject({
      kind: 'document',
      name: 'table.csv',
      contentType: 'text/csv',
      size: 8,
      width: null,
      messageId: null,
      createdBy: { type: 'api_key' },
      extractionStatus: 'notStarted',
    });
    expect(await (await fetch(String(attributes['url']))).text()).toBe('a,b\n1,2\n');
  });

  it('is in the audit log, and counted', async () => {
    const before = [
      await metric('media_uploads_total\\{outcome="stored"\\}'),
      await metric('media_uploads_total\\{outcome="refused"\\}'),
    ];
    const { data } = await upload(hub.admin, PDF, { filename: 'a.pdf' });
    await upload(hub.admin, '');
    const { data: lines } = await hub.admin.get<{ attributes: v1.Json }[]>(`/v1/audit?subjectId=${data.id}`);
    expect(lines.map((line) => line.attributes)).toMatchObject([
      {
        action: 'media.uploaded',
        subject: { type: 'media', id: data.id },
        changes: { name: { before: null, after: 'a.pdf' }, contentType: { after: 'application/pdf' } },
      },
    ]);
    expect([
      await metric('media_uploads_total\\{outcome="stored"\\}'),
      await metric('media_uploads_total\\{outcome="refused"\\}'),
    ]).toEqual(before.map((n) => n + 1));
  });

  it.each([
    ['a picture called text', png(1, 1), 'notes.txt', 'image/png', 'image'],
    ['a page called picture', '<!doctype html><script>alert(1)</script>', 'cat.png', 'text/html', 'document'],
    [
      'a page behind blanks and a comment',
      '\n \t<!-- x --><ScRiPt>alert(1)</script>',
      'a.txt',
      'text/html',
      'document',
    ],
    ['a page in UTF-16', Buffer.from('\ufeff<script>alert(1)</script>', 'utf16le'), 'a.csv', 'text/html', 'document'],
    [
      'an SVG',
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
      'a.png',
      'image/svg+xml',
      'document',
    ],
    ['XML', '<?xml version="1.0"?><invoice/>', 'a.xml', 'application/xml', 'document'],
    ['JSON', '{"a":1}', 'a.json', 'application/json', 'document'],
    ['JSON by name only', 'hello', 'a.json', 'text/plain', 'document'],
    ['plain text', 'Grüße\n', 'a.exe', 'text/plain', 'document'],
    ['a calendar', 'BEGIN:VCALENDAR\n', 'a.ICS', 'text/calendar', 'document'],
    ['a PDF', PDF, 'a', 'application/pdf', 'document'],
    ['nothing known', Buffer.from([0, 1, 2, 3, 255, 254]), 'a.txt', 'application/octet-stream', 'document'],
    ['text with a NUL', 'a\u0000b', 'a.txt', 'application/octet-stream', 'document'],
    ['a GIF that is a script, too', 'GIF89a/*\u0000\u0000*/=1;alert(1)//<script>', 'a.js', 'image/gif', 'image'],
  ])('is what its bytes say: %s', async (_, content, filename, mimeType, type) => {
    const answer = await upload(hub.admin, content, { filename });
    expect([answer.status, answer.data.mimeType, answer.data.type]).toEqual([201, mimeType, type]);
  });

  it.each([
    ['a camera held sideways', jpeg(4000, 3000, 6), [3000, 4000]],
    ['a JPEG', jpeg(40, 30), [40, 30]],
    ['a PNG that ends in its head', png(40, 30).subarray(0, 20), [null, null]],
    ['a PNG larger than anything', png(0xffffffff, 0xffffffff), [null, null]],
    ['a PNG without extent', png(0, 10), [null, null]],
    [
      'a JPEG of nothing but segments',
      Buffer.concat([Buffer.from('ffd8', 'hex'), Buffer.alloc(400_000, Buffer.from('ffe00002', 'hex'))]),
      [null, null],
    ],
    ['a GIF of three bytes', Buffer.from('GIF'), [null, null]],
    [
      'an AVIF of boxes in boxes',
      Buffer.concat([
        Buffer.from('0000001c66747970617669660000000061766966', 'hex'),
        Buffer.alloc(300_000, Buffer.from('0000000869737065', 'hex')),
      ]),
      [null, null],
    ],
  ])('is measured by its head, whatever is wrong with it: %s', async (_, content, size) => {
    const started = Date.now();
    const answer = await upload(hub.admin, content);
    expect([answer.status, answer.data.width, answer.data.height]).toEqual([201, ...size]);
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it.each([
    ['image', PDF],
    ['video', png(1, 1)],
    ['audio', png(1, 1)],
    ['image', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['picture', png(1, 1)],
  ])('declared as %s and something else is a 400 that names type', async (as, content) => {
    const answer = await leavingNothing(() => upload(hub.admin, content, { as }));
    v1.expectError(answer, 400, 'VALIDATION_ERROR', 'type');
  });

  it('may be sent as a document, whatever it is', async () => {
    const answer = await upload(hub.admin, png(1, 1), { as: 'document' });
    expect([answer.status, answer.data.type, answer.data.mimeType]).toEqual([201, 'document', 'image/png']);
  });

  it.each([
    ['../../../etc/cron.d/evil', 'evil'],
    ['..\\..\\windows\\evil.dll', 'evil.dll'],
    ['', 'file'],
    [`${'n'.repeat(400)}.txt`, `${'n'.repeat(251)}.txt`],
    ['a\tb\u202egpj.exe', 'abgpj.exe'],
  ])('is called %j and kept as %j, under an id', async (filename, name) => {
    const { data, status } = await upload(hub.admin, 'x', { filename });
    expect([status, data.name]).toEqual([201, name]);
    const disposition = (await fetch(data.url)).headers.get('content-disposition');
    expect(disposition).toContain(`filename*=UTF-8''${encodeURIComponent(name)}`);
  });

  describe('that is none', () => {
    const two: Part[] = [
      { name: 'file', content: 'one', filename: 'a' },
      { name: 'file', content: 'two', filename: 'b' },
    ];
    it.each<[string, Part[], string]>([
      ['without a file', [{ name: 'type', content: 'image' }], 'file'],
      ['without any part', [], 'file'],
      ['of nothing', [{ name: 'file', content: '', filename: 'a' }], 'file'],
      ['of two files', two, 'file'],
      ['under another name', [{ name: 'upload', content: 'x', filename: 'a' }], 'upload'],
      ['that is a text field', [{ name: 'file', content: 'x' }], 'file'],
      ['with fifty fields', Array.from({ length: 50 }, (_, i) => ({ name: `f${i}`, content: 'x' })), 'body'],
      ['with a field of machinery', [{ name: '__proto__', content: 'x' }, ...two.slice(0, 1)], 'body'],
      ['with a file of machinery', [{ name: 'constructor', content: 'x', filename: 'x' }], 'body'],
    ])('is a 400: %s', async (_, parts, field) => {
      const answer = await leavingNothing(() => send(hub.admin, parts));
      v1.expectError(answer, 400, 'VALIDATION_ERROR', field);
    });

    it.each([
      ['no boundary', 'multipart/form-data', form([])],
      ['another boundary', 'multipart/form-data; boundary=other', form(two)],
      ['no last boundary', FORM['content-type'], form(two.slice(0, 1), { end: false })],
      ['an empty body', FORM['content-type'], Buffer.alloc(0)],
      ['garbage', FORM['content-type'], Buffer.alloc(5_000, 0xfe)],
      ['a part without a head', FORM['content-type'], Buffer.from(`--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--\r\n`)],
    ])('is a 400: %s', async (_, type, raw) => {
      const answer = await leavingNothing(() =>
        hub.admin.post('/v1/media/upload', undefined, { raw, headers: { 'content-type': type } }),
      );
      expect([answer.status, answer.error.code]).toEqual([400, 'VALIDATION_ERROR']);
      expect(answer.error.details).toHaveLength(1);
    });

    it('is a 415 without a form', async () => {
      v1.expectError(await hub.admin.post('/v1/media/upload', {}), 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type');
      const put = await hub.admin.post('/v1/media/upload', undefined, {
        raw: png(1, 1),
        headers: { 'content-type': 'image/png' },
      });
      v1.expectError(put, 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type');
    });
  });

  describe('that is too large', () => {
    it('is a 413 that names the limit, as soon as that is known; the limit itself is taken', async () => {
      const answer = await leavingNothing(() => upload(hub.admin, Buffer.alloc(26 * MIB)));
      v1.expectError(answer, 413, 'PAYLOAD_TOO_LARGE', 'file');
      expect(answer.error.message).toBe('The file is larger than 25 MiB');
      const over = await leavingNothing(() => upload(hub.admin, Buffer.alloc(25 * MIB + 1)));
      v1.expectError(over, 413, 'PAYLOAD_TOO_LARGE', 'file');
      const { status, data } = await upload(hub.admin, Buffer.alloc(25 * MIB));
      expect([status, data.size]).toEqual([201, 25 * MIB]);
    });

    it('is refused without a length told before, too', async () => {
      const body = new ReadableStream<Uint8Array>({
        start: (to) => to.enqueue(form([{ name: 'file', content: '', filename: 'a' }], { end: false }).subarray(0, -2)),
        pull: (to) => to.enqueue(new Uint8Array(MIB)), // for ever
      });
      const answer = await leavingNothing(() =>
        fetch(`${hub.url}/v1/media/upload`, {
          method: 'POST',
          headers: { ...FORM, authorization: `Bearer ${hub.admin.key}` },
          body,
          duplex: 'half',
        } as RequestInit),
      );
      expect([answer.status, ((await answer.json()) as v1.Json)['error']]).toMatchObject([
        413,
        { code: 'PAYLOAD_TOO_LARGE' },
      ]);
    });

    it('has another limit where the operator sets one, and no other route has', async () => {
      const app = await startApp({ config: testConfig(hub.database, { MEDIA_MAX_BYTES: '1000' }) });
      try {
        const post = (to: string, body: Buffer, headers: Record<string, string>): Promise<Response> =>
          fetch(app.url + to, {
            method: 'POST',
            headers: { authorization: `Bearer ${hub.admin.key}`, ...headers },
            body: body as unknown as BodyInit,
          });
        const tooLarge = form([{ name: 'file', content: Buffer.alloc(1001), filename: 'a' }]);
        const refused = await post('/v1/media/upload', tooLarge, FORM);
        expect([refused.status, await refused.text()]).toEqual([
          413,
          expect.stringContaining('The file is larger than 1000 bytes'),
        ]);
        const elsewhere = await post('/v1/contacts', form([{ name: 'name', content: 'Ann' }]), FORM);
        expect(elsewhere.status).toBe(415);
        const big = Buffer.from(`{"name":"${'x'.repeat(MIB)}"}`);
        expect((await post('/v1/media/upload', big, { 'content-type': 'application/json' })).status).toBe(413);
      } finally {
        await app.stop();
      }
    });
  });

  it('that breaks off leaves nothing', async () => {
    const aborted = await metric('media_uploads_total\\{outcome="aborted"\\}');
    await leavingNothing(async () => {
      const { hostname, port } = new URL(hub.url);
      const socket = net.connect(Number(port), hostname);
      const body = form([{ name: 'file', content: Buffer.alloc(200_000), filename: 'a' }], { end: false });
      const head = [
        'POST /v1/media/upload HTTP/1.1',
        'Host: x',
        `Authorization: Bearer ${hub.admin.key}`,
        `Content-Type: ${FORM['content-type']}`,
        `Content-Length: ${body.length * 10}`,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      for (let i = 0; i < 5; i++) {
        socket.write(body.subarray(i * 40_000, (i + 1) * 40_000));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect((await files()).incoming).toBe(1);
      socket.destroy();
      await eventually(
        async () => (await metric('media_uploads_total\\{outcome="aborted"\\}')) > aborted,
        'the upload is given up',
      );
    });
  });

  describe('with an Idempotency-Key', () => {
    it('happens once, however the form is written, and not with another file', async () => {
      const headers = { 'idempotency-key': 'upload-1' };
      const first = await upload(hub.admin, 'once', { filename: 'a.txt', headers });
      const count = await rows();
      const kept = (await files()).kept;
      const again = await hub.admin.post('/v1/media/upload', undefined, {
        raw: String(form([{ name: 'file', content: 'once', filename: 'a.txt' }])).replaceAll(BOUNDARY, 'elsewhere'),
        headers: { ...headers, 'content-type': 'multipart/form-data; boundary=elsewhere' },
      });
      expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([201, first.text, 'true']);
      const other = await upload(hub.admin, 'twice', { filename: 'a.txt', headers });
      v1.expectError(other, 422, 'IDEMPOTENCY_KEY_REUSED');
      const renamed = await upload(hub.admin, 'once', { filename: 'b.txt', headers });
      v1.expectError(renamed, 422, 'IDEMPOTENCY_KEY_REUSED');
      expect([await rows(), await files()]).toEqual([count, { kept, incoming: 0 }]);
    });

    it('happens once for ten at the same time', async () => {
      const before = await rows();
      const headers = { 'idempotency-key': 'upload-2' };
      const answers = await Promise.all(Array.from({ length: 10 }, () => upload(hub.admin, 'ten', { headers })));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect([await rows(), (await files()).incoming]).toEqual([before + 1, 0]);
    });
  });

  describe('of somebody else', () => {
    it('does not exist in another organization', async () => {
      const { data } = await upload(hub.admin, 'mine');
      const stranger = await hub.newOrganization('other');
      v1.expectError(await stranger.get(`/v1/media/${data.id}`), 404, 'RESOURCE_NOT_FOUND');
      v1.expectError(await stranger.delete(`/v1/media/${data.id}`), 404, 'RESOURCE_NOT_FOUND');
      expect((await hub.admin.get(`/v1/media/${data.id}`)).status).toBe(200);
    });

    it('may come from a contact, who may do nothing else with files', async () => {
      const { id } = await v1.contact(hub.admin);
      const { data } = await hub.admin.post<{ token: string }>(`/v1/contacts/${id}/token`);
      const contact = hub.as(data.token);
      const sent = await upload(contact, png(1, 1));
      expect(sent.status).toBe(201);
      const { attributes } = v1.ok(await hub.admin.get(`/v1/media/${sent.data.id}`));
      expect(attributes['createdBy']).toMatchObject({ type: 'contact', id });
      v1.expectError(await contact.get(`/v1/media/${sent.data.id}`), 403, 'INSUFFICIENT_PERMISSIONS');
      v1.expectError(await contact.delete(`/v1/media/${sent.data.id}`), 403, 'INSUFFICIENT_PERMISSIONS');
    });

    it('needs the scope to write messages', async () => {
      const reader = await hub.withScopes('messages:read');
      const answer = await leavingNothing(() => upload(reader, 'x'));
      v1.expectError(answer, 403, 'INSUFFICIENT_PERMISSIONS');
      v1.expectError(await leavingNothing(() => upload(hub.as(''), 'x')), 401, 'AUTHENTICATION_REQUIRED');
    });
  });

  describe('deleted', () => {
    it('is gone with its file and its links', async () => {
      const { data } = await upload(hub.admin, 'short-lived');
      const before = (await files()).kept;
      expect((await hub.admin.delete(`/v1/media/${data.id}`)).status).toBe(204);
      v1.expectError(await hub.admin.get(`/v1/media/${data.id}`), 404, 'RESOURCE_NOT_FOUND');
      v1.expectError(await hub.admin.delete(`/v1/media/${data.id}`), 404, 'RESOURCE_NOT_FOUND');
      expect((await fetch(data.url)).status).toBe(404);
      await eventually(async () => (await files()).kept === before - 1, 'the file is removed');
      const audit = await hub.admin.get<{ attributes: v1.Json }[]>(`/v1/audit?subjectId=${data.id}`);
      expect(audit.data.map(({ attributes }) => attributes['action'])).toEqual(['media.deleted', 'media.uploaded']);
    });

    it('is a 409 once a message carries it', async () => {
      const { data } = await upload(hub.admin, 'carried');
      const { id } = v1.ok(await v1.say(hub.admin, (await v1.conversation(hub.admin)).id, 'see attached'));
      await hub.sql('UPDATE attachment SET message_id = $1 WHERE id = $2', [v1.uuid(id), v1.uuid(data.id)]);
      v1.expectError(await hub.admin.delete(`/v1/media/${data.id}`), 409, 'MEDIA_IN_USE');
      expect((await fetch(data.url)).status).toBe(200);
    });
  });
});
