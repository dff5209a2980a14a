import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { currentOrigin } from '@hub/platform/request-origin.js';
import { LinkExpiredError } from './media.errors.js';

/** An address that opens one file to whoever has it, until it expires. */
export interface MediaLink {
  readonly url: string;
  readonly expiresAt: Date;
}

const LIFETIME_SECONDS = 3_600;
/** Links of the same minutes are the same, so that a browser need not fetch again what it has. */
const ROUND_SECONDS = 300;
const UUID_BYTES = 16;
const BODY_BYTES = 2 * UUID_BYTES + 4;
const MAC_BYTES = 32;
const TOKEN = /^[\w-]{91}$/;

/**
 * Signed links: organization, file and expiry, with an HMAC by a key that is derived from SECRET_KEY. Keys of
 * SECRET_KEY_PREVIOUS still open theirs, so nothing breaks while a key is exchanged.
 */
@Injectable()
export class MediaLinks {
  private readonly keys: readonly [Buffer, ...Buffer[]];
  private readonly base: string | undefined;

  constructor(@Inject(CONFIG) { SECRET_KEY, SECRET_KEY_PREVIOUS, PUBLIC_URL }: Config) {
    this.keys = [derive(SECRET_KEY), ...SECRET_KEY_PREVIOUS.map(derive)];
    this.base = PUBLIC_URL?.replace(/\/+$/, '');
  }

  /**
   * For an hour, or up to five minutes more. Absolute by PUBLIC_URL, else by the host that the current request was sent
   * to; outside of a request, without PUBLIC_URL, a path alone.
   */
  urlFor(organizationId: string, id: string): MediaLink {
    const seconds = Math.ceil((Date.now() / 1000 + LIFETIME_SECONDS) / ROUND_SECONDS) * ROUND_SECONDS;
    const body = Buffer.alloc(BODY_BYTES);
    body.set(bytesOf(organizationId));
    body.set(bytesOf(id), UUID_BYTES);
    body.writeUInt32BE(seconds, 2 * UUID_BYTES);
    const token = Buffer.concat([body, macOf(body, this.keys[0])]).toString('base64url');
    const base = this.base ?? currentOrigin()?.baseUrl ?? '';
    return { url: `${base}/media/${token}`, expiresAt: new Date(seconds * 1000) };
  }

  /** What a link opens; null when it is none of ours. @throws LinkExpiredError */
  open(token: string): { organizationId: string; id: string; expiresAt: Date } | null {
    if (!TOKEN.test(token)) return null;
    const bytes = Buffer.from(token, 'base64url');
    const [body, mac] = [bytes.subarray(0, BODY_BYTES), bytes.subarray(BODY_BYTES)];
    if (mac.length !== MAC_BYTES || !this.keys.some((key) => timingSafeEqual(macOf(body, key), mac))) return null;
    const expiresAt = new Date(body.readUInt32BE(2 * UUID_BYTES) * 1000);
    if (expiresAt.getTime() <= Date.now()) throw new LinkExpiredError();
    return { organizationId: uuidOf(body, 0), id: uuidOf(body, UUID_BYTES), expiresAt };
  }
}

const derive = (secret: Buffer): Buffer => Buffer.from(hkdfSync('sha256', secret, '', 'switchboard media links', 32));
const macOf = (body: Buffer, key: Buffer): Buffer => createHmac('sha256', key).update(body).digest();
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');

function uuidOf(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + UUID_BYTES);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
