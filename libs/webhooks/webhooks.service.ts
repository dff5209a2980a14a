import { Inject, Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { appendAudit, changesOf, configChanges } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { WebhookEndpoint, type EndpointConfig, type EndpointKeyPair } from '@hub/model/webhook.entity.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { checkUrl } from '@hub/platform/safe-fetch.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import {
  cancelUnfinished,
  dropOrder,
  holdUnfinished,
  ownEndpointStates,
  releaseHeld,
  type Lane,
} from './delivery-order.js';
import { assertFilters } from './endpoint-filters.js';
import { RECOVERED } from './endpoint-states.js';
import { checkConfig, checkEvents, checkHeaders, onlyGiven, withDefaults } from './endpoint-input.js';
import {
  MAX_OVERLAP_SECONDS,
  newKeyPair,
  newSecret,
  rotate,
  ROTATION_OVERLAP_SECONDS,
  signatureKinds,
} from './signing.js';
import { WebhookNotFoundError } from './webhooks.errors.js';
import { WebhooksQueries } from './webhooks.queries.js';
import type { CreateWebhook, NewSecretView, UpdateWebhook, WebhookView } from './webhooks.types.js';

const MASK = '********';

@Injectable()
export class WebhooksService {
  constructor(
    private readonly db: Database,
    private readonly queries: WebhooksQueries,
    private readonly box: SecretBox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Subscribes an endpoint, active at once.
   * @throws ValidationError INVALID_URL, INVALID_EVENTS, or naming `headers.<name>` or `config.<key>`; NotFoundError of
   *   a channel or team in `config`
   */
  async create(author: Author, command: CreateWebhook): Promise<NewSecretView> {
    const { organizationId } = author;
    const events = checkEvents(command.events);
    checkHeaders(command.headers);
    checkConfig(command.config);
    await checkUrl(command.url, this.config.WEBHOOK_ALLOWED_NETWORKS);
    const id = newId();
    const secret = newSecret();
    const webhook = await this.db.transaction(organizationId, async (tx) => {
      await assertFilters(tx, organizationId, command.config);
      await insertRow(tx, WebhookEndpoint, {
        organizationId,
        id,
        url: command.url,
        events,
        description: command.description,
        headers: this.sealAll(command.headers),
        secrets: rotate([], this.box.seal(secret), new Date(), 0),
        keyPair: this.keyPairFor(command.config, null),
        config: onlyGiven(command.config),
        status: 'active',
      });
      const made = await this.queries.getWebhook(organizationId, id, tx);
      const changes = changesOf<WebhookView>(null, made, [...AUDITED, 'headers', 'config']);
      await appendAudit(tx, { author, action: 'webhook.created', subjectId: id, changes });
      return made;
    });
    return { webhook, secret };
  }

  /** @throws WebhookNotFoundError, and what {@link create} throws */
  async update(author: Author, command: UpdateWebhook): Promise<WebhookView> {
    const { organizationId } = author;
    const { id, url, events, headers, description, status } = command;
    const changes: Partial<WebhookEndpoint> = {
      ...(description !== undefined && { description }),
      ...(events && { events: checkEvents(events) }),
    };
    if (headers) {
      checkHeaders(headers);
      changes.headers = this.sealAll(headers);
    }
    if (url !== undefined) {
      await checkUrl(url, this.config.WEBHOOK_ALLOWED_NETWORKS);
      changes.url = url;
    }
    return this.db.transaction(organizationId, async (tx) => {
      const before = await this.lockIn(tx, organizationId, id);
      if (command.config) {
        changes.config = mergeConfig(before.config, command.config);
        checkConfig(changes.config);
        await assertFilters(tx, organizationId, command.config);
        changes.keyPair = this.keyPairFor(changes.config, before.keyPair);
      }
      if (status)
        Object.assign(changes, { status, ...(status === 'active' && before.status !== 'active' && RECOVERED) });
      await updateRow(tx, WebhookEndpoint, { organizationId, id }, changes);
      await this.follow(tx, before, changes);
      await this.audit(tx, author, before, changes);
      return this.queries.getWebhook(organizationId, id, tx);
    });
  }

  /** Its unfinished deliveries become `cancelled`; what has been delivered stays to be read by nobody. */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await this.lockIn(tx, organizationId, id);
      await updateRow(
        tx,
        WebhookEndpoint,
        { organizationId, id },
        {
          deletedAt: new Date(),
          headers: {},
          secrets: [],
          keyPair: null,
        },
      );
      await cancelUnfinished(tx, { organizationId, endpointId: id });
      await appendAudit(tx, { author, action: 'webhook.deleted', subjectId: id });
    });
  }

  /**
   * A new secret, the `v1a` keys as they were; the old ones go on signing beside it for the overlap, five secrets in all at the most.
   * @param overlapSeconds 0 to seven days; 0 ends the old ones at once
   */
  async rotateSecret(author: Author, id: string, overlapSeconds = ROTATION_OVERLAP_SECONDS): Promise<NewSecretView> {
    const { organizationId } = author;
    if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > MAX_OVERLAP_SECONDS) {
      throw ValidationError.of('overlap', `overlap must be whole seconds from 0 to ${MAX_OVERLAP_SECONDS}`);
    }
    const secret = newSecret();
    const webhook = await this.db.transaction(organizationId, async (tx) => {
      const { secrets } = await this.lockIn(tx, organizationId, id);
      const rotated = rotate(secrets, this.box.seal(secret), new Date(), overlapSeconds);
      await updateRow(tx, WebhookEndpoint, { organizationId, id }, { secrets: rotated });
      await appendAudit(tx, { author, action: 'webhook.secret_rotated', subjectId: id });
      return this.queries.getWebhook(organizationId, id, tx);
    });
    return { webhook, secret };
  }

  /** What an update has really changed; nothing, nothing written. */
  private async audit(
    tx: Tx,
    author: Author,
    before: WebhookEndpoint,
    changed: Partial<WebhookEndpoint>,
  ): Promise<void> {
    const after = { ...before, ...changed };
    const changes = {
      ...changesOf<WebhookEndpoint>(before, after, AUDITED),
      ...configChanges(before.headers, after.headers, masked, 'headers'),
      ...configChanges({ ...before.config }, { ...after.config }, (config) => config),
    };
    if (Object.keys(changes).length === 0) return;
    await appendAudit(tx, { author, action: 'webhook.updated', subjectId: before.id, changes });
  }

  /** What a change of status or ordering means for the deliveries that are not finished. */
  private async follow(tx: Tx, before: WebhookEndpoint, changes: Partial<WebhookEndpoint>): Promise<void> {
    const lane: Lane = { organizationId: before.organizationId, endpointId: before.id };
    const ordered = (config: EndpointConfig): boolean => withDefaults(config).ordering !== 'none';
    if (changes.config && ordered(before.config) && !ordered(changes.config)) await dropOrder(tx, lane);
    if (changes.status === undefined || changes.status === before.status) return;
    if (changes.status !== 'active') await holdUnfinished(tx, lane);
    else await releaseHeld(tx, lane);
  }

  /** Loads an endpoint for change: nothing is fanned out to it and no attempt is settled until the transaction ends. */
  private async lockIn(tx: Tx, organizationId: string, id: string): Promise<WebhookEndpoint> {
    await ownEndpointStates(tx, [organizationId]);
    const where = { organizationId, id, deletedAt: IsNull() };
    const endpoint = await tx.findOne(WebhookEndpoint, { where, lock: { mode: 'pessimistic_write' } });
    if (!endpoint) throw new WebhookNotFoundError();
    return endpoint;
  }

  /** Once made, the keys stay: those that hold the public one go on to verify when `v1a` is asked for again. */
  private keyPairFor(config: EndpointConfig, existing: EndpointKeyPair | null): EndpointKeyPair | null {
    if (existing || !signatureKinds(config).includes('v1a')) return existing;
    const { publicKey, privateKey } = newKeyPair();
    return { publicKey, privateKey: this.box.seal(privateKey) };
  }

  private sealAll(headers: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.box.seal(value)]));
  }
}

/** What the audit log tells of an endpoint as it is; of its headers it tells the names, of its secrets nothing. */
const AUDITED = ['url', 'events', 'description', 'status'] as const;

const masked = (headers: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));

/** Steps belong to `custom` alone and go with it. */
function mergeConfig(stored: EndpointConfig, patch: EndpointConfig): EndpointConfig {
  const { steps, ...merged } = onlyGiven({ ...stored, ...patch });
  return merged.retryPolicy === 'custom' || patch.steps ? { ...merged, ...(steps && { steps }) } : merged;
}
