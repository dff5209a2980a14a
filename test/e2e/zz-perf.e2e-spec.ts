import { randomUUID } from 'node:crypto';
import { startHub, eventually } from '../support/harness.js';
import { Subscriber } from '../support/subscriber.js';
import { decodeId } from '@hub/platform/ids.js';
it('perf', async () => {
  const hub = await startHub({ worker: true });
  const sub = await Subscriber.start();
  const org = decodeId('org', hub.admin.organizationId)!;
  for (let i = 0; i < 4; i++) await hub.admin.post('/v1/webhooks', { url: sub.url('/' + i), events: ['*'] });
  await sub.expect(0);
  const insert = (n: number, convs: string[]) =>
    hub.sql(
      `INSERT INTO event (organization_id,id,type,order_key,sequence,subject_id,body,created_at)
    SELECT $1, gen_random_uuid(), 'message.received', ($2::uuid[])[1 + i % ${convs.length}], 0, gen_random_uuid(), '{"type":"x","data":{"pad":"' || repeat('x', 600) || '"},"meta":{"a":1}}', now() FROM generate_series(1, ${n}) i`,
      [org, convs],
    );
  const convs = Array.from({ length: 200 }, () => randomUUID());
  let t = performance.now();
  await insert(5000, convs);
  await eventually(() => sub.received.length >= 20000, 'all', 60000);
  console.log(
    'burst: 20000 deliveries in',
    performance.now() - t,
    'ms',
    sub.received.length,
    new Set(sub.received.map((r) => r.id + r.path)).size,
  );
  await new Promise((r) => setTimeout(r, 2000));
  sub.received.length = 0;
  // trickle: 50/s x 4 endpoints
  const sent: number[] = [];
  const lat: number[] = [];
  for (let i = 0; i < 500; i++) {
    const at = performance.now();
    await insert(1, [convs[i % 200]!]);
    await hub.sql(`SELECT pg_notify('switchboard_outbox','')`);
    sent.push(at);
    await new Promise((r) => setTimeout(r, Math.max(0, 20 - (performance.now() - at))));
  }
  await eventually(() => sub.received.length >= 2000, 'all', 60000);
  const per = [0, 1, 2, 3].map((i) => sub.on('/' + i).map((r) => r.at));
  for (const p of per) p.forEach((at, i) => lat.push(at - sent[i]!));
  lat.sort((a, b) => a - b);
  console.log(
    'trickle p50',
    lat[lat.length >> 1],
    'p95',
    lat[Math.floor(lat.length * 0.95)],
    'p99',
    lat[Math.floor(lat.length * 0.99)],
    'max',
    lat.at(-1),
  );
  await sub.stop();
  await hub.stop();
}, 120000);
