import { Inject, Injectable } from '@nestjs/common';
import type { Channel } from '@hub/model/channel.entity.js';
import { Database } from '@hub/model/database.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { encodeId } from '@hub/platform/ids.js';
import { safeFetch } from '@hub/platform/safe-fetch.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { isConnectable } from './capabilities.js';
import { configProblems, isSecret } from './channel-config.js';
import { ChannelNotFoundError } from './channels.queries.js';

export interface ChannelCheck {
  readonly name: 'configuration' | 'credentials' | 'activation' | 'connection';
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly message: string;
  readonly details?: JsonObject;
}

export interface ChannelTestReport {
  /** Nothing has failed. */
  readonly success: boolean;
  readonly tests: readonly ChannelCheck[];
  readonly testedAt: Date;
}

type Tested = Pick<Channel, 'id' | 'type' | 'status' | 'config'>;
const TIMEOUT_MS = 5_000;

/** Tries what a channel is set up with. Changes nothing. */
@Injectable()
export class ChannelTestService {
  constructor(
    private readonly db: Database,
    private readonly box: SecretBox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws ChannelNotFoundError */
  async test(organizationId: string, id: string): Promise<ChannelTestReport> {
    const [channel] = await this.db
      .reader(organizationId)
      .query<Tested[]>(
        `SELECT id, type, status, config FROM channel WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
        [organizationId, id],
      );
    if (!channel) throw new ChannelNotFoundError();
    const tests = [
      checkConfiguration(channel),
      ...this.checkCredentials(channel),
      checkActivation(channel),
      await this.checkConnection(channel),
    ];
    return { success: tests.every(({ status }) => status !== 'failed'), tests, testedAt: new Date() };
  }

  /** Whether every stored secret can still be opened; nothing where there is none. */
  private checkCredentials({ type, config }: Tested): ChannelCheck[] {
    const sealed = Object.entries(config).filter(([name]) => isSecret(type, name));
    if (sealed.length === 0) return [];
    const lost = sealed.filter(([, value]) => !this.opens(String(value))).map(([name]) => name);
    if (lost.length === 0) return [{ name: 'credentials', status: 'passed', message: 'Every secret can be read' }];
    const message = 'Some secrets were stored with a key that this process does not have: enter them again';
    return [{ name: 'credentials', status: 'failed', message, details: { keys: lost } }];
  }

  private opens(sealed: string): boolean {
    try {
      this.box.open(sealed);
      return true;
    } catch {
      return false;
    }
  }

  private async checkConnection({ id, type, config }: Tested): Promise<ChannelCheck> {
    const name = 'connection';
    if (!isConnectable(type)) {
      const message = `This version cannot connect to ${type} yet: the provider was not asked`;
      return { name, status: 'failed', message };
    }
    const { webhookUrl } = config;
    if (type !== 'api' || typeof webhookUrl !== 'string') {
      const message = 'There is nothing to call: the channel is served by this product itself';
      return { name, status: 'skipped', message };
    }
    const result = await safeFetch({
      url: webhookUrl,
      headers: { 'content-type': 'application/json', 'user-agent': 'Switchboard/1.0' },
      body: JSON.stringify({ type: 'channel.test', channelId: encodeId('ch', id), timestamp: new Date() }),
      timeoutMs: TIMEOUT_MS,
      allowedNetworks: this.config.WEBHOOK_ALLOWED_NETWORKS,
    });
    const { durationMs } = result;
    if (result.outcome !== 'response') {
      const message = `webhookUrl cannot be reached: ${result.error}`;
      return { name, status: 'failed', message, details: { outcome: result.outcome, durationMs } };
    }
    const details = { statusCode: result.status, durationMs };
    if (result.status >= 200 && result.status < 300) {
      return { name, status: 'passed', message: `webhookUrl answered ${result.status}`, details };
    }
    return { name, status: 'failed', message: `webhookUrl answered ${result.status} instead of 2xx`, details };
  }
}

function checkConfiguration({ type, config }: Tested): ChannelCheck {
  const problems = configProblems(type, config);
  if (problems.length === 0) return { name: 'configuration', status: 'passed', message: 'The settings are complete' };
  const message = `The settings are not complete: ${problems.map((problem) => problem.message).join('; ')}`;
  return { name: 'configuration', status: 'failed', message, details: { problems } };
}

const checkActivation = ({ status }: Tested): ChannelCheck =>
  status === 'active'
    ? { name: 'activation', status: 'passed', message: 'The channel is active' }
    : { name: 'activation', status: 'skipped', message: `The channel is ${status}: it sends nothing until activated` };
