import { Webhook } from 'standardwebhooks';
import { liveSecrets, newSecret, rotate, sign } from './signing.js';

describe('sign', () => {
  it('gives the published signature', () => {
    const signature = sign(
      ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}',
    );
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('convinces the reference verifier with each of several secrets', () => {
    const secrets = [newSecret(), newSecret()];
    const timestamp = Math.floor(Date.now() / 1_000);
    const body = '{"text":"Grüße, 世界"}';
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(secrets, 'evt_1', timestamp, body),
    };
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual({ text: 'Grüße, 世界' });
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
  });

  it('makes secrets of 32 bytes', () => {
    const secret = newSecret();
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
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
