import { createCipheriv, randomBytes } from 'node:crypto';
import { SecretBox, UnknownSecretKeyError } from './secret-box.js';

const [one, two, three] = [randomBytes(32), randomBytes(32), randomBytes(32)];

/** As values were sealed before they carried the id of their key. */
function sealUnnamed(plain: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
}

describe('the secret box', () => {
  it.each(['', 'secret', 'пароль 🔑', 'x'.repeat(10_000)])('opens what it has sealed: %#', (plain) => {
    const box = new SecretBox(one);
    const sealed = box.seal(plain);
    expect(sealed).toMatch(new RegExp(`^v2\\.${box.keyId}\\.[\\w-]{38,}$`));
    expect(box.open(sealed)).toBe(plain);
    expect(box.seal(plain)).not.toBe(sealed);
    if (plain.length > 3) expect(sealed).not.toContain(plain);
  });

  it('opens with previous keys and seals with the current one', () => {
    const old = new SecretBox(one).seal('x');
    const box = new SecretBox(two, [three, one]);
    expect(box.open(old)).toBe('x');
    expect(new SecretBox(two).open(box.seal(box.open(old)))).toBe('x');
    expect(box.keyId).not.toBe(new SecretBox(one).keyId);
  });

  it('opens values that name no key, with whichever fits', () => {
    const old = sealUnnamed('x', one);
    expect(new SecretBox(one).open(old)).toBe('x');
    expect(new SecretBox(three, [two, one]).open(old)).toBe('x');
    expect(() => new SecretBox(two).open(old)).toThrow(UnknownSecretKeyError);
  });

  it('says which key is missing, and what to do', () => {
    const box = new SecretBox(one);
    expect(() => new SecretBox(two).open(box.seal('x'))).toThrow(
      `A stored secret was sealed with the key ${box.keyId}, which is neither SECRET_KEY nor in SECRET_KEY_PREVIOUS`,
    );
  });

  it('refuses what has been altered', () => {
    const box = new SecretBox(one);
    const [version, id, payload = ''] = box.seal('a secret').split('.');
    for (const at of [0, 14, 30, payload.length - 2]) {
      const altered = payload.slice(0, at) + (payload[at] === 'A' ? 'B' : 'A') + payload.slice(at + 1);
      expect(() => box.open(`${version}.${id}.${altered}`)).toThrow();
    }
    for (const value of ['', 'v2', 'v2.x', `v3.${id}.${payload}`, `v2.${id}.${payload}.x`, 'plain text', 'v1.']) {
      expect(() => box.open(value)).toThrow();
    }
  });
});
