// Deliveries of the past, loaded by COPY: what `webhooks` puts behind the log that it measures the cost of.
import { copyInto } from './copy.mjs';
import { progressBar } from './report.mjs';
import { seededId } from './seed.mjs';

const HOURS_MS = 20 * 3_600_000;
const PER_EVENT = 10;
const CONVERSATIONS = 1_000;
const BODY = JSON.stringify({ type: 'message.sent', data: { fill: '.'.repeat(600) }, meta: { sequence: 1 } });
const REQUEST = JSON.stringify({ 'content-type': 'application/json', 'webhook-id': 'evt_history' });

const EVENT = `organization_id, id, type, order_key, sequence, subject_id, body, created_at, fanned_out_at`;
const DELIVERY = `organization_id, id, endpoint_id, event_id, event_type, order_key, sequence, position, status, attempt_no,
  attempts, next_attempt_at, last_status_code, first_attempt_at, last_attempt_at, created_at, finished_at`;
const ATTEMPT = `organization_id, id, delivery_id, n, trigger, lease_token, started_at, ended_at, outcome, status_code,
  duration_ms, request_headers, response_body`;

/** A UUIDv7 of that moment, one for each `n` and `kind`. @param {number} ms @param {number} kind below 16 @param {number} n */
const idAt = (ms, kind, n) => {
  const time = Math.floor(ms).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${kind.toString(16)}00-8000-${n.toString(16).padStart(12, '0')}`;
};

/**
 * `count` deliveries that succeeded during the last twenty hours – where today's are written, too –, each with its
 * attempt, and the events they tell.
 * @param {import('pg').Client} admin a superuser @param {string} organizationId @param {number} count
 */
export async function seedHistory(admin, organizationId, count) {
  if (count === 0) return;
  const { rows } = await admin.query(
    `SELECT id FROM webhook_endpoint WHERE organization_id = $1 ORDER BY id LIMIT ${PER_EVENT}`,
    [organizationId],
  );
  const endpoints = rows.map(({ id }) => String(id));
  const from = Date.now() - HOURS_MS;
  const timeOf = (/** @type {number} */ n) => from + (HOURS_MS * n) / (count + 1);
  const at = (/** @type {number} */ n, ms = 0) => new Date(timeOf(n) + ms).toISOString();
  const eventOf = (/** @type {number} */ n) => n - (n % PER_EVENT);
  const eventId = (/** @type {number} */ n) => idAt(timeOf(eventOf(n)), 1, eventOf(n));
  const conversation = (/** @type {number} */ n) =>
    seededId('conversation', 1 + ((eventOf(n) / PER_EVENT) % CONVERSATIONS));
  /** @param {string} what @param {number} step @param {(n: number) => import('./copy.mjs').Value[]} row */
  function* rowsOf(what, step, row) {
    for (let n = 0; n < count; n += step) {
      if (n % 10_000 === 0) progressBar(`webhooks: ${count} deliveries of history, ${what}`, n, count);
      yield row(n);
    }
  }
  await admin.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
  await copyInto(
    admin,
    `event (${EVENT})`,
    rowsOf('events', PER_EVENT, (n) => {
      const key = conversation(n);
      return [organizationId, eventId(n), 'message.sent', key, 0, key, BODY, at(n), at(n)];
    }),
  );
  await copyInto(
    admin,
    `webhook_delivery (${DELIVERY})`,
    rowsOf('deliveries', 1, (n) => {
      const ids = [organizationId, idAt(timeOf(n), 2, n), endpoints[n % PER_EVENT], eventId(n)];
      const done = ['message.sent', conversation(n), 0, eventOf(n), 'succeeded', 1, 1];
      return [...ids, ...done, at(n), 200, at(n, 5), at(n, 5), at(n), at(n, 10)];
    }),
  );
  await copyInto(
    admin,
    `webhook_attempt (${ATTEMPT})`,
    rowsOf('attempts', 1, (n) => {
      const ids = [organizationId, idAt(timeOf(n), 3, n), idAt(timeOf(n), 2, n), 1, 'auto', idAt(timeOf(n), 4, n)];
      return [...ids, at(n, 5), at(n, 10), 'success', 200, 5, REQUEST, 'ok'];
    }),
  );
  await admin.query('SET session_replication_role = origin');
  await admin.query('VACUUM (ANALYZE)');
  await admin.query('CHECKPOINT');
}
