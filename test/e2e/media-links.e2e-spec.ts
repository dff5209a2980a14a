import { jest } from '@jest/globals';
import net from 'node:net';
import { MediaLinks } from '@hub/media/media-links.js';
import { newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { startApp } from '../support/app.js';
import { startHub, testConfig, TEST_SECRET_KEY, type Hub } from '../support/harness.js';
import { startS3, type S3Server } from '../support/s3.js';
import { PDF, png, upload } from './media-fixtures.js';

jest.setTimeout(60_000);

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3('files');
});
afterAll(() => s3.stop());

describe.each([
  ['a folder', () => ({})],
  ['S3', () => ({ MEDIA_STORE: s3.url('files/hub') })],
])("a file's link, kept in %s", (_, env) => {
  let hub: Hub;
  let url: string;
  const content = Buffer.from('0123456789'.repeat(100_000));
  beforeAll(async () => {
    hub = await startHub({ env: env() });
    url = (await upload(hub.admin, content, { filename: 'größe 1.txt' })).data.url;
  });
  afterAll(() => hub.stop());

  const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(url, { method, headers });

  it('gives all of it, and says what it is', async () => {
    const answer = await get();
    expect([answer.status, Buffer.from(await answer.arrayBuffer()).equals(content)]).toEqual([200, true]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(content.length),
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[0-9a-f-]{36}"$/) as string,
      'cache-control': expect.stringMatching(/^private, max-age=3[5-9]\d\d, immutable$/) as string,
      'content-disposition': `attachment; filename="gr__e 1.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe%201.txt`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^default-src 'none'.*sandbox$/) as string,
      'cross-origin-resource-policy': 'cross-origin',
    });
  });

  it('tells a HEAD the same without a byte', async () => {
    const [head, whole] = await Promise.all([get({}, 'HEAD'), get()]);
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const name of ['content-length', 'content-type', 'etag', 'content-disposition', 'accept-ranges'])
      expect([name, head.headers.get(name)]).toEqual([name, whole.headers.get(name)]);
    await whole.arrayBuffer();
  });

  it.each([
    ['bytes=0-1', '01', 'bytes 0-1/1000000'],
    ['bytes=999997-', '789', 'bytes 999997-999999/1000000'],
    ['bytes=-3', '789', 'bytes 999997-999999/1000000'],
    ['bytes=15-18', '5678', 'bytes 15-18/1000000'],
  ])('gives the part %s', async (range, text, told) => {
    const answer = await get({ range });
    expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([206, text, told]);
    expect(answer.headers.get('content-length')).toBe(String(text.length));
  });

  it('gives no part that is not there, and all of it where several are asked for', async () => {
    const beyond = await get({ range: 'bytes=1000000-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */1000000']);
    const several = await get({ range: 'bytes=0-1,5-6' });
    expect([several.status, (await several.arrayBuffer()).byteLength]).toEqual([200, content.length]);
  });

  it('need not be sent again to whoever has it', async () => {
    const etag = (await get({}, 'HEAD')).headers.get('etag') ?? '';
    const again = await get({ 'if-none-match': `"other", W/${etag}` });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    expect(await (await get({ 'if-range': etag, range: 'bytes=0-1' })).text()).toBe('01');
    const whole = await get({ 'if-range': '"other"', range: 'bytes=0-1' });
    expect([whole.status, (await whole.arrayBuffer()).byteLength]).toEqual([200, content.length]);
  });

  it('shows pictures in place, and runs nothing', async () => {
    const kinds = [
      [png(1, 1), 'a.png', 'inline'],
      [PDF, 'a.pdf', 'attachment'],
      ['<script>alert(1)</script>', 'a.png', 'attachment'],
      ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 'a.svg', 'attachment'],
      ['<?xml version="1.0"?><?xml-stylesheet href="x"?><a/>', 'a.xml', 'attachment'],
    ] as const;
    for (const [bytes, filename, disposition] of kinds) {
      const { data } = await upload(hub.admin, bytes, { filename });
      const { headers } = await fetch(data.url);
      expect(headers.get('content-disposition')).toMatch(new RegExp(`^${disposition};`));
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toMatch(/sandbox$/);
    }
  });

  it('survives a reader who hangs up in the middle', async () => {
    const { hostname, port, pathname } = new URL(url);
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = net.connect(Number(port), hostname, () =>
          socket.write(`GET ${pathname} HTTP/1.1\r\nHost: x\r\n\r\n`),
        );
        socket.once('data', () => socket.destroy());
        socket.once('close', () => resolve());
      });
    }
    expect((await (await get()).arrayBuffer()).byteLength).toBe(content.length);
  });
});

describe("a file's link", () => {
  let hub: Hub;
  let url: string;
  beforeAll(async () => {
    hub = await startHub();
    url = (await upload(hub.admin, 'secret words')).data.url;
  });
  afterAll(() => hub.stop());

  const links = (env: NodeJS.ProcessEnv = {}): MediaLinks => new MediaLinks(testConfig(hub.database, env));
  const tokenOf = (address: string): string => address.slice(address.lastIndexOf('/') + 1);

  it('opens nothing when a single character of it is another', async () => {
    const token = tokenOf(url);
    for (let i = 0; i < token.length - 1; i += 5) {
      const other = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      const answer = await fetch(`${hub.url}/media/${other}`);
      const { error } = (await answer.json()) as { error: { code: string } };
      expect([i, answer.status, error.code]).toEqual([i, 404, 'RESOURCE_NOT_FOUND']);
    }
    for (const wrong of ['', 'x', token.slice(1), `${token}A`, '%00', 'x'.repeat(5_000), '..%2f..%2fetc%2fpasswd'])
      expect([wrong, (await fetch(`${hub.url}/media/${wrong}`)).status]).toEqual([wrong, 404]);
  });

  it('signed for another organization, or a file that is gone, opens nothing', async () => {
    const { id } = links().open(tokenOf(url)) ?? { id: '' };
    const stranger = v1.uuid((await hub.newOrganization('other')).organizationId);
    for (const forged of [links().urlFor(stranger, id), links().urlFor(v1.uuid(hub.admin.organizationId), newId())])
      expect((await fetch(hub.url + forged.url)).status).toBe(404);
  });

  it('says so once it has expired', async () => {
    const { organizationId = '', id = '' } = links().open(tokenOf(url)) ?? {};
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 4_000_000);
    const old = links().urlFor(organizationId, id);
    now.mockRestore();
    const answer = await fetch(hub.url + old.url);
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'LINK_EXPIRED' } }]);
  });

  it('still opens while SECRET_KEY is exchanged, and no longer without the old key', async () => {
    const fresh = '22'.repeat(32);
    const during = links({ SECRET_KEY: fresh, SECRET_KEY_PREVIOUS: TEST_SECRET_KEY });
    expect(during.open(tokenOf(url))).not.toBeNull();
    expect(links({ SECRET_KEY: fresh }).open(tokenOf(url))).toBeNull();
    const newer = during.urlFor(newId(), newId());
    expect(links().open(tokenOf(newer.url))).toBeNull();
    expect(links({ SECRET_KEY: fresh }).open(tokenOf(newer.url))).not.toBeNull();
  });

  it('begins with PUBLIC_URL where it is set, else with the host that was asked, so far as it is one', async () => {
    const { data } = await upload(hub.admin, 'x');
    expect(data.url.startsWith(`${hub.url}/media/`)).toBe(true);
    const app = await startApp({ config: testConfig(hub.database, { PUBLIC_URL: 'https://hub.example.com/base/' }) });
    try {
      const answer = await fetch(`${app.url}/v1/media/${data.id}`, {
        headers: { authorization: `Bearer ${hub.admin.key}` },
      });
      expect(v1.at(await answer.json(), 'data.attributes.url')).toMatch(/^https:\/\/hub\.example\.com\/base\/media\//);
    } finally {
      await app.stop();
    }
    expect(links().urlFor(newId(), newId()).url).toMatch(/^\/media\//);
  });
});
