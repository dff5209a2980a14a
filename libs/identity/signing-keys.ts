import { Injectable } from '@nestjs/common';
import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { Database, type Tx } from '@hub/model/database.js';
import { newId } from '@hub/platform/ids.js';
import { SecretBox } from '@hub/platform/secret-box.js';

export const SIGNING_ALGORITHM = 'EdDSA';
/** A key signs for this long; then the next one is made, by whichever process first has something to sign. */
const ROTATE_AFTER_DAYS = 90;
/** An old key still verifies for this long: longer than any token lives. */
const VERIFY_FOR_DAYS = 2;
/** What one process knows of the keys may be this old: a key taken away is gone everywhere within it. */
const TTL_MS = 500;
/** Advisory lock: processes that start at once make one key. */
const SIGNING_LOCK = 0x5_0b0a_0006;

type Key = Exclude<Awaited<ReturnType<typeof importJWK>>, Uint8Array>;

interface SigningKey {
  readonly id: string;
  readonly publicKey: Key;
  /** Null when it was sealed with another SECRET_KEY: it still verifies. */
  readonly privateKey: Key | null;
  readonly ageDays: number;
}

interface KeyRow {
  readonly id: string;
  readonly publicKey: JWK;
  readonly privateKey: string;
  readonly ageDays: number;
}

/** The installation's Ed25519 keys, by their id (`kid`). Rotating one logs nobody out. */
@Injectable()
export class SigningKeys {
  private known: readonly SigningKey[] = [];
  private loadedAt = -Infinity;
  private loading: Promise<void> | null = null;
  private readonly imported = new Map<string, Omit<SigningKey, 'ageDays'>>();

  constructor(
    private readonly db: Database,
    private readonly box: SecretBox,
  ) {}

  /** The public key behind a token's `kid`, or null. */
  async toVerify(id: string): Promise<Key | null> {
    await this.refresh(performance.now() - TTL_MS);
    // another process may have made it a moment ago
    if (!this.known.some((key) => key.id === id)) await this.refresh(performance.now());
    return this.known.find((key) => key.id === id)?.publicKey ?? null;
  }

  /** The key that signs now; made when there is none, or none that is young enough. */
  async toSign(): Promise<{ id: string; key: Key }> {
    await this.refresh(performance.now() - TTL_MS);
    const current = this.current() ?? (await this.make());
    if (!current.privateKey) throw new Error('a signing key that cannot sign');
    return { id: current.id, key: current.privateKey };
  }

  private current(): SigningKey | undefined {
    return this.known.find(({ privateKey, ageDays }) => privateKey !== null && ageDays < ROTATE_AFTER_DAYS);
  }

  /** Loads unless that was done after `since`; whoever comes meanwhile waits for the same load. */
  private async refresh(since: number): Promise<void> {
    while (this.loadedAt < since) {
      this.loading ??= this.load().finally(() => (this.loading = null));
      await this.loading;
    }
  }

  private async load(): Promise<void> {
    const startedAt = performance.now();
    const rows = await this.db.lookup<KeyRow>('signing', LOAD, []);
    this.known = await Promise.all(rows.map((row) => this.import(row)));
    for (const id of this.imported.keys()) if (!rows.some((row) => row.id === id)) this.imported.delete(id);
    this.loadedAt = startedAt;
  }

  private async make(): Promise<SigningKey> {
    const { publicKey, privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
    const sealed = this.box.seal(JSON.stringify(await exportJWK(privateKey)));
    const values = [newId(), SIGNING_ALGORITHM, JSON.stringify(await exportJWK(publicKey)), sealed];
    await this.db.system('signing', async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [SIGNING_LOCK]);
      if (await this.isMade(tx)) return;
      await tx.query(
        'INSERT INTO signing_key (id, algorithm, public_key, private_key) VALUES ($1, $2, $3::jsonb, $4)',
        values,
      );
      await tx.query(`
        UPDATE signing_key SET verify_until = now() + interval '${VERIFY_FOR_DAYS} days'
        WHERE verify_until IS NULL AND created_at < now() - interval '${ROTATE_AFTER_DAYS} days'`);
      await tx.query('DELETE FROM signing_key WHERE verify_until < now()');
    });
    await this.refresh(performance.now());
    const made = this.current();
    if (!made) throw new Error('no signing key could be made');
    return made;
  }

  /** Whether another process has been faster. */
  private async isMade(tx: Tx): Promise<boolean> {
    const rows = await tx.query<KeyRow[]>(LOAD.text);
    const keys = await Promise.all(rows.map((row) => this.import(row)));
    return keys.some(({ privateKey, ageDays }) => privateKey !== null && ageDays < ROTATE_AFTER_DAYS);
  }

  private async import({ id, publicKey, privateKey, ageDays }: KeyRow): Promise<SigningKey> {
    const known = this.imported.get(id);
    if (known) return { ...known, ageDays };
    const key = {
      id,
      publicKey: (await importJWK(publicKey, SIGNING_ALGORITHM)) as Key,
      privateKey: await this.open(privateKey),
    };
    this.imported.set(id, key);
    return { ...key, ageDays };
  }

  private async open(sealed: string): Promise<Key | null> {
    let jwk: JWK;
    try {
      jwk = JSON.parse(this.box.open(sealed)) as JWK;
    } catch {
      return null;
    }
    return (await importJWK(jwk, SIGNING_ALGORITHM)) as Key;
  }
}

const LOAD = {
  name: 'signing-keys',
  text: `
    SELECT id, public_key AS "publicKey", private_key AS "privateKey",
      extract(epoch FROM now() - created_at)::float8 / 86400 AS "ageDays"
    FROM signing_key WHERE verify_until IS NULL OR verify_until > now() ORDER BY created_at DESC, id DESC`,
};
