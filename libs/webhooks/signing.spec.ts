import { createHmac, createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { liveSecrets, newKeyPair, newSecret, rotate, sign, signatureKinds, signLinktor } from './signing.js';

/** The published example, of which both kinds of signature are known. */
const EXAMPLE = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' };
const SECRET = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const PRIVATE_KEY = '6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
const V1 = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const V1A = 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==';

describe('sign', () => {
  it('gives the published signatures', () => {
    expect(sign({ secrets: [SECRET], privateKey: null }, EXAMPLE)).toBe(V1);
    expect(sign({ secrets: [`whsec_${SECRET}`], privateKey: PRIVATE_KEY }, EXAMPLE)).toBe(`${V1} ${V1A}`);
    expect(sign({ secrets: [], privateKey: `whsk_${PRIVATE_KEY}` }, EXAMPLE)).toBe(V1A);
  });

  it('convinces the reference verifier with each of several secrets', () => {
    const secrets = [newSecret(), newSecret()];
    const timestamp = Math.floor(Date.now() / 1_000);
    const body = '{"text":"Grüße, 世界"}';
    const { privateKey } = newKeyPair();
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign({ secrets, privateKey }, { id: 'evt_1', timestamp, body }),
    };
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual({ text: 'Grüße, 世界' });
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
  });

  it('makes secrets of 32 bytes', () => {
    const secret = newSecret();
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
  });

  it('makes key pairs whose public half verifies what the private one has signed', () => {
    const { publicKey, privateKey } = newKeyPair();
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(privateKey.replace('whsk_', ''), 'base64')).toHaveLength(64);
    const x = Buffer.from(publicKey.slice(5), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const signature = Buffer.from(sign({ secrets: [], privateKey }, EXAMPLE).slice(4), 'base64');
    const signed = (body: string): Buffer => Buffer.from(`${EXAMPLE.id}.${EXAMPLE.timestamp}.${body}`);
    expect(verify(null, signed(EXAMPLE.body), key, signature)).toBe(true);
    expect(verify(null, signed('{}'), key, signature)).toBe(false);
  });
});

describe('signLinktor', () => {
  const secret = `whsec_${SECRET}`;
  const hmac = (text: string): string => createHmac('sha256', Buffer.from(secret, 'utf8')).update(text).digest('hex');

  it('covers the timestamp in the documented form, the body alone in that of the SDKs', () => {
    expect(signLinktor('linktor-docs', secret, EXAMPLE)).toBe(`sha256=${hmac(`1614265330.${EXAMPLE.body}`)}`);
    expect(signLinktor('linktor-sdk', secret, EXAMPLE)).toBe(hmac(EXAMPLE.body));
  });
});

describe('signatureKinds', () => {
  it('reads one, a list, or nothing', () => {
    expect(signatureKinds({})).toEqual(['standard']);
    expect(signatureKinds({ signature: 'v1a' })).toEqual(['v1a']);
    expect(signatureKinds({ signature: ['v1a', 'linktor-docs'] })).toEqual(['v1a', 'linktor-docs']);
  });
});

describe('rotate', () => {
  const at = new Date('2026-01-01T00:00:00.000Z');
  const first = { sealed: 'a', createdAt: '2025-01-01T00:00:00.000Z', expiresAt: null };

  it('keeps the old secret for the overlap, the new one in front', () => {
    expect(rotate([first], 'b', at, 3_600)).toEqual([
      { sealed: 'b', createdAt: at.toISOString(), expiresAt: null },
      { ...first, expiresAt: '2026-01-01T01:00:00.000Z' },
    ]);
  });

  it('never prolongs a secret that is on its way out, and drops those that are gone', () => {
    const leaving = { ...first, expiresAt: '2026-01-01T00:30:00.000Z' };
    const gone = { ...first, expiresAt: '2025-12-31T23:59:59.000Z' };
    expect(rotate([leaving, gone], 'b', at, 86_400).slice(1)).toEqual([leaving]);
    expect(liveSecrets([leaving, gone], at)).toEqual([leaving]);
  });

  it('ends the old ones at once without an overlap, and keeps five at the most', () => {
    expect(rotate([first], 'b', at, 0)).toHaveLength(1);
    expect(rotate([first, first, first, first, first], 'b', at, 60)).toHaveLength(5);
  });
});
