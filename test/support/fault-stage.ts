import pg from 'pg';
import { newApiKey } from '@hub/identity/api-key.js';
import { ensureFirstOrganization } from '@hub/identity/bootstrap.js';
import { startProcess, type HubProcess, type ProcessSettings } from './processes.js';
import { isSigned, Subscriber, type Received } from './subscriber.js';

export interface FaultSettings extends ProcessSettings {
  /** The owner of the tables, whom row-level security does not bind: to look at what was written. */
  readonly ownerUrl: string;
}

/** An event as the log has it. */
interface Logged {
  readonly id: string;
  readonly type: string;
  readonly body: string;
}

/**
 * Real processes around one database, and a subscriber to everything: what the fault tests break. It remembers what
 * the API has promised (answered with a 2xx), to hold it against what the subscriber got.
 */
export class FaultStage {
  readonly promised: string[] = [];
  private readonly workers: HubProcess[] = [];
  private secret = '';
  private channel = '';
  private next = 0;

  private constructor(
    readonly settings: FaultSettings,
    readonly api: HubProcess,
    readonly subscriber: Subscriber,
    private readonly key: string,
  ) {}

  static async start(settings: FaultSettings): Promise<FaultStage> {
    const key = newApiKey();
    await ensureFirstOrganization(settings.databaseUrl, key);
    const [api, subscriber] = await Promise.all([startProcess('api', settings), Subscriber.start()]);
    const stage = new FaultStage(settings, api, subscriber, key);
    const hook = { url: subscriber.url('/hook'), events: ['*'], config: { timeout: 1 } };
    stage.secret = (await stage.post('/v1/webhooks', hook)).attributes['secret'] ?? '';
    stage.channel = (await stage.post('/v1/channels', { name: 'Faults', type: 'api' })).id;
    return stage;
  }

  async startWorker(): Promise<HubProcess> {
    const worker = await startProcess('worker', this.settings);
    this.workers.push(worker);
    return worker;
  }

  /** A message of one of `people` contacts; true when the API has promised it. */
  async write(people = 5): Promise<boolean> {
    this.next += 1;
    const externalId = `m${this.next}`;
    const person = `p${this.next % people}`;
    const body = { externalId, contact: { externalId: person }, content: { type: 'text', text: externalId } };
    try {
      await this.post(`/v1/channels/${this.channel}/messages`, body);
      this.promised.push(externalId);
      return true;
    } catch {
      return false;
    }
  }

  /** Every event that is in the log, in its order. */
  async logged(): Promise<Logged[]> {
    const client = new pg.Client({ connectionString: this.settings.ownerUrl });
    await client.connect();
    try {
      return (await client.query<Logged>('SELECT id, type, body FROM event ORDER BY position')).rows;
    } finally {
      await client.end();
    }
  }

  /** What is wrong with what the subscriber got, in words; nothing is wrong when it is empty. */
  async complaints(): Promise<string[]> {
    const byId = new Map<string, Received[]>();
    for (const request of this.subscriber.received) {
      byId.set(request.id, [...(byId.get(request.id) ?? []), request]);
    }
    const logged = (await this.logged()).map(({ body }) => JSON.parse(body) as { id: string; type: string });
    const sent = new Set(logged.map(({ id }) => id));
    const texts = new Set(
      this.subscriber.received.flatMap(({ body }) => {
        const { data } = body as unknown as { data: { attributes: { externalId?: string } } };
        return data.attributes.externalId ?? [];
      }),
    );
    return [
      ...logged.filter(({ id }) => !byId.has(id)).map(({ id, type }) => `lost: ${type} ${id}`),
      ...[...byId.keys()].filter((id) => !sent.has(id)).map((id) => `never happened: ${id}`),
      ...this.promised.filter((id) => !texts.has(id)).map((id) => `promised and not told: ${id}`),
      ...[...byId].flatMap(([id, all]) =>
        all.every(({ raw }) => raw.equals(all[0]?.raw ?? raw)) ? [] : [`other bytes: ${id}`],
      ),
      ...this.subscriber.received.filter((one) => !isSigned(one, this.secret)).map(({ id }) => `not signed: ${id}`),
      ...outOfOrder([...byId.values()].map(([first]) => first as Received)),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all([this.api, ...this.workers].map((one) => one.kill()));
    await this.subscriber.stop();
  }

  async post(path: string, body: object): Promise<{ id: string; attributes: Record<string, string> }> {
    const response = await fetch(this.api.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { data: { id: string; attributes: Record<string, string> } }).data;
  }
}

/** First arrivals of one conversation must rise by `meta.sequence` without a gap. */
function outOfOrder(firsts: readonly Received[]): string[] {
  const last = new Map<string, number>();
  return [...firsts]
    .sort((a, b) => a.at - b.at)
    .flatMap(({ id, body }) => {
      const { data, meta } = body as unknown as {
        data: { id: string; attributes: { conversationId?: string } };
        meta: { sequence: number };
      };
      if (meta.sequence === 0) return [];
      const conversation = data.attributes.conversationId ?? data.id;
      const before = last.get(conversation) ?? 0;
      last.set(conversation, meta.sequence);
      return meta.sequence === before + 1 ? [] : [`out of order: ${id} is ${meta.sequence} after ${before}`];
    });
}
