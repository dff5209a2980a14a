import { jest } from '@jest/globals';
import { exportJWK, generateKeyPair, importJWK, SignJWT, type JWTPayload } from 'jose';
import { SecretBox } from '@hub/platform/secret-box.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { startHub, TEST_SECRET_KEY, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { createLogger } from '@hub/platform/logger.js';
import { codeOf, colleague, nobody, PASSWORD, register, signIn, type Session } from './auth-fixtures.js';

jest.setTimeout(60_000);

let hub: Hub;
let ada: Session;
let bob: Session;
beforeAll(async () => {
  hub = await startHub();
  ada = await register(hub);
  bob = await register(hub);
});
afterAll(() => hub.stop());

type Part = Record<string, unknown>;
const parts = (token: string): [Part, Part, string] => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const read = (part: string): Part => JSON.parse(Buffer.from(part, 'base64url').toString()) as Part;
  return [read(header), read(payload), signature];
};
const pack = (part: Part): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const ask = async (token: string): Promise<string> => codeOf(await hub.as(token).get('/v1/conversations'));
const other = async (): Promise<Awaited<ReturnType<typeof generateKeyPair>>['privateKey']> =>
  (await generateKeyPair('EdDSA', { crv: 'Ed25519' })).privateKey;

/** Signs with the hub's own key: what only a bug of ours could make. */
async function signed(payload: JWTPayload, header: Part = {}): Promise<string> {
  const [row] = await hub.sql<{ id: string; private_key: string }>('SELECT id, private_key FROM signing_key');
  const box = new SecretBox(Buffer.from(TEST_SECRET_KEY, 'hex'));
  const key = await importJWK(JSON.parse(box.open(row?.private_key ?? '')) as object, 'EdDSA');
  return new SignJWT(payload).setProtectedHeader({ alg: 'EdDSA', kid: row?.id ?? '', typ: 'JWT', ...header }).sign(key);
}

describe('forged tokens', () => {
  const forgeries: [string, () => string | Promise<string>][] = [
    ['alg none, unsigned', () => `${pack({ alg: 'none', typ: 'JWT' })}.${pack(parts(ada.accessToken)[1])}.`],
    [
      'alg none with our kid',
      () => `${pack({ ...parts(ada.accessToken)[0], alg: 'none' })}.${pack(parts(ada.accessToken)[1])}.`,
    ],
    [
      'alg None, signature kept',
      () => {
        const [header, payload, signature] = parts(ada.accessToken);
        return `${pack({ ...header, alg: 'None' })}.${pack(payload)}.${signature}`;
      },
    ],
    [
      'another key under our kid',
      async () => {
        const [header, payload] = parts(ada.accessToken);
        return new SignJWT(payload).setProtectedHeader({ ...header, alg: 'EdDSA' }).sign(await other());
      },
    ],
    [
      'another key under a kid of its own',
      async () => {
        const [, payload] = parts(ada.accessToken);
        return new SignJWT(payload).setProtectedHeader({ alg: 'EdDSA', kid: newId(), typ: 'JWT' }).sign(await other());
      },
    ],
    [
      'its own key inside the header',
      async () => {
        const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
        const [header, payload] = parts(ada.accessToken);
        const jwk = await exportJWK(publicKey);
        return new SignJWT(payload).setProtectedHeader({ ...header, alg: 'EdDSA', jwk }).sign(privateKey);
      },
    ],
    [
      'HS256 with our public key as the secret',
      async () => {
        const [row] = await hub.sql<{ public_key: { x: string } }>('SELECT public_key FROM signing_key');
        const secret = new Uint8Array(Buffer.from(row?.public_key.x ?? '', 'base64url'));
        const [header, payload] = parts(ada.accessToken);
        return new SignJWT(payload).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret);
      },
    ],
    ['no kid', () => signed(parts(ada.accessToken)[1], { kid: undefined })],
    ['a kid that climbs', () => signed(parts(ada.accessToken)[1], { kid: '../../etc/passwd' })],
    ['a kid of SQL', () => signed(parts(ada.accessToken)[1], { kid: "' OR 1=1 --" })],
    ['expired', () => signed({ ...parts(ada.accessToken)[1], exp: Math.floor(Date.now() / 1000) - 1 })],
    ['never expiring', () => signed({ ...parts(ada.accessToken)[1], exp: undefined })],
    ['not valid yet', () => signed({ ...parts(ada.accessToken)[1], nbf: Math.floor(Date.now() / 1000) + 60 })],
    ['another issuer', () => signed({ ...parts(ada.accessToken)[1], iss: 'somebody' })],
    ['another audience', () => signed({ ...parts(ada.accessToken)[1], aud: 'admin' })],
    ['a user as a contact', () => signed({ ...parts(ada.accessToken)[1], aud: 'contact' })],
    ['another type', () => signed(parts(ada.accessToken)[1], { typ: 'at+jwt' })],
    [
      'an unknown critical extension',
      () =>
        `${pack({ ...parts(ada.accessToken)[0], crit: ['x'], x: 1 })}.${ada.accessToken.split('.').slice(1).join('.')}`,
    ],
    [
      'another role',
      () => {
        const [header, payload, signature] = parts(ada.accessToken);
        return `${pack(header)}.${pack({ ...payload, role: 'super_admin', x: 1 })}.${signature}`;
      },
    ],
    [
      'another organization',
      () => {
        const [header, payload, signature] = parts(ada.accessToken);
        return `${pack(header)}.${pack({ ...payload, org: bob.organizationId })}.${signature}`;
      },
    ],
    ['no JSON', () => 'eyJub25zZW5zZQ.eyJub25zZW5zZQ.eyJub25zZW5zZQ'],
    ['too long', () => `${ada.accessToken}${'A'.repeat(8_000)}`],
    ['dots only', () => '...'],
  ];
  it.each(forgeries)('%s: INVALID_TOKEN', async (_, forge) => {
    expect(await ask(await forge())).toBe('401 INVALID_TOKEN');
  });

  it('cut off anywhere: INVALID_TOKEN', async () => {
    const { length } = ada.accessToken;
    for (const end of [
      10,
      40,
      ada.accessToken.indexOf('.') + 1,
      ada.accessToken.lastIndexOf('.'),
      length - 40,
      length - 2,
    ]) {
      expect([end, await ask(ada.accessToken.slice(0, end))]).toEqual([end, '401 INVALID_TOKEN']);
    }
  });

  it('of our own key, but for a session of somebody else: worth nothing', async () => {
    const [, mine] = parts(ada.accessToken);
    const [, theirs] = parts(bob.accessToken);
    for (const claims of [
      { org: theirs['org'] },
      { sid: theirs['sid'] },
      { sub: theirs['sub'] },
      { sid: encodeId('sess', newId()) },
    ]) {
      expect(await ask(await signed({ ...mine, ...claims } as JWTPayload))).toBe('401 TOKEN_REVOKED');
    }
    expect(await ask(await signed({ ...mine, role: 'customer' }))).toBe('200'); // the role is looked up, not believed
    expect(await ask(ada.accessToken)).toBe('200');
  });

  it('a right token of one organization sees nothing of another', async () => {
    const contact = await bob.api.post('/v1/contacts', { name: 'Hers' });
    expect(codeOf(await ada.api.get(`/v1/contacts/${contact.data.id}`))).toBe('404 CONTACT_NOT_FOUND');
    expect(codeOf(await ada.api.get(`/v1/users/${bob.userId}`))).toBe('404 USER_NOT_FOUND');
  });
});

describe('keys that sign', () => {
  it('rotate without logging anyone out', async () => {
    const old = await register(hub);
    await hub.sql(`UPDATE signing_key SET created_at = created_at - interval '91 days'`);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const fresh = await Promise.all(Array.from({ length: 5 }, () => signIn(hub, old.email).catch(() => null)));
    const kids = new Set(fresh.flatMap((one) => (one ? [parts(one.accessToken)[0]['kid']] : [])));
    expect(kids.size).toBe(1);
    expect(kids).not.toContain(parts(old.accessToken)[0]['kid']);
    expect(await ask(old.accessToken)).toBe('200');
    const rows = await hub.sql<{ until: Date | null }>('SELECT verify_until AS until FROM signing_key');
    expect(rows.map(({ until }) => String(until !== null)).sort()).toEqual(['false', 'true']);
  });

  it('that are taken away are gone within a second', async () => {
    await hub.sql('DELETE FROM signing_key WHERE verify_until IS NOT NULL');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await ask(ada.accessToken)).toBe('401 INVALID_TOKEN');
    ada = await signIn(hub, ada.email);
  });
});

describe('another SECRET_KEY', () => {
  it('cannot sign with the old key, makes one of its own, and verifies both', async () => {
    const { createApi } = await import('../../apps/api/app.js');
    const config = { ...hub.config, SECRET_KEY: Buffer.alloc(32, 7) };
    const later = await createApi(config, createLogger('error', 'api'));
    await later.listen(0, '127.0.0.1');
    try {
      const url = (await later.getUrl()).replace('[::1]', '127.0.0.1');
      const me = async (base: string, token: string): Promise<number> =>
        (await fetch(`${base}/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status;
      const answer = await fetch(`${url}/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: ada.email, password: PASSWORD }),
      });
      const { accessToken } = ((await answer.json()) as { meta: { accessToken: string } }).meta;
      expect(parts(accessToken)[0]['kid']).not.toBe(parts(ada.accessToken)[0]['kid']);
      for (const base of [url, hub.url]) {
        expect([await me(base, accessToken), await me(base, ada.accessToken)]).toEqual([200, 200]);
      }
    } finally {
      await later.close();
      await hub.sql('DELETE FROM signing_key WHERE created_at = (SELECT max(created_at) FROM signing_key)');
    }
  });
});

describe('another process', () => {
  let second: HubProcess;
  beforeAll(async () => {
    second = await startProcess('api', hub.database);
  });
  afterAll(() => second.kill());

  const there = async (credential: string): Promise<number> =>
    (await fetch(`${second.url}/v1/auth/me`, { headers: { authorization: `Bearer ${credential}` } })).status;

  it('takes the tokens of this one, and those of a key made a moment ago', async () => {
    expect(await there(ada.accessToken)).toBe(200);
    await hub.sql(`UPDATE signing_key SET created_at = created_at - interval '91 days'`);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await there((await signIn(hub, ada.email)).accessToken)).toBe(200);
  });

  it('sees at once that a session, a user or a key has ended', async () => {
    const one = await signIn(hub, ada.email);
    const agent = await colleague(hub, ada, 'agent');
    const made = await ada.api.post('/v1/api-keys', { name: 'k', permissions: ['messages:read'] });
    const key = made.data.attributes['key']!;
    for (const credential of [one.accessToken, agent.accessToken, key]) expect(await there(credential)).toBe(200);
    await one.api.post('/v1/auth/logout');
    expect(await there(one.accessToken)).toBe(401);
    await ada.api.patch(`/v1/users/${agent.userId}`, { status: 'suspended' });
    expect(await there(agent.accessToken)).toBe(401);
    await ada.api.delete(`/v1/api-keys/${made.data.id}`);
    expect(await there(key)).toBe(401);
    expect(codeOf(await nobody(hub).post('/v1/auth/refresh', { refreshToken: one.refreshToken }))).toBe(
      '401 TOKEN_REVOKED',
    );
  });
});
