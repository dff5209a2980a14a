import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { keyOf, MediaStore } from '@hub/media/media-store.js';
import { MediaSweeper } from '@hub/media/media.sweeper.js';
import { newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { startHub, type Hub } from '../support/harness.js';
import { startS3, type S3Server } from '../support/s3.js';
import { upload } from './media-fixtures.js';

jest.setTimeout(60_000);

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3('files');
});
afterAll(() => s3.stop());

describe.each([
  ['a folder', () => ({})],
  ['S3', () => ({ MEDIA_STORE: s3.url('files') })],
])('the sweep of files kept in %s', (kind, env) => {
  let hub: Hub;
  let worker: NestFastifyApplication;
  let sweeper: MediaSweeper;
  let store: MediaStore;
  let mine: string;
  beforeAll(async () => {
    hub = await startHub({ env: env() });
    worker = await hub.startWorker();
    sweeper = worker.get(MediaSweeper);
    store = worker.get(MediaStore);
    mine = v1.uuid(hub.admin.organizationId);
  });
  afterAll(() => hub.stop());

  const kept = async (id: string, organization = mine): Promise<boolean> => {
    const stream = await store.get(keyOf(organization, id));
    stream?.destroy();
    return stream !== null;
  };
  const uploaded = async (): Promise<string> => v1.uuid((await upload(hub.admin, 'x')).data.id);
  async function lost(organization: string): Promise<string> {
    const id = newId();
    const file = path.join(store.spoolDir, newId());
    await writeFile(file, 'x');
    await store.put(keyOf(organization, id), file, 'text/plain');
    return id;
  }

  it('forgets what no message took up within a day, and nothing else', async () => {
    const [young, old, carried] = [await uploaded(), await uploaded(), await uploaded()];
    const { id } = v1.ok(await v1.say(hub.admin, (await v1.conversation(hub.admin)).id, 'x'));
    await hub.sql(`UPDATE attachment SET message_id = $1 WHERE id = $2`, [v1.uuid(id), carried]);
    await hub.sql(`UPDATE attachment SET created_at = now() - interval '25 hours' WHERE id = ANY($1)`, [
      [old, carried],
    ]);
    await hub.sql(`UPDATE attachment SET created_at = now() - interval '23 hours' WHERE id = $1`, [young]);
    expect(await sweeper.forgetUnused()).toBe(1);
    const left = await hub.sql<{ id: string }>('SELECT id FROM attachment ORDER BY id');
    expect(left.map((row) => row.id)).toEqual([young, carried].sort());
    expect(await Promise.all([young, old, carried].map((one) => kept(one)))).toEqual([true, false, true]);
  });

  it('removes files whose row never came or is gone, once they have settled', async () => {
    const [whole, crashed, deleted] = [await uploaded(), await lost(mine), await uploaded()];
    await hub.sql('DELETE FROM attachment WHERE id = $1', [deleted]);
    expect(await sweeper.removeLost()).toBe(0); // an hour has not passed
    expect(await sweeper.removeLost(-60_000)).toBe(2);
    expect(await Promise.all([whole, crashed, deleted].map((one) => kept(one)))).toEqual([true, false, false]);
    expect(await sweeper.removeLost(-60_000)).toBe(0);
  });

  it('compares thousands in stretches, organization by organization', async () => {
    const stranger = v1.uuid((await hub.newOrganization('other')).organizationId);
    for (let i = 0; i < 60; i++) await Promise.all(Array.from({ length: 10 }, (_, n) => lost(n % 2 ? mine : stranger)));
    const whole = await uploaded();
    expect(await sweeper.removeLost(-60_000)).toBe(600);
    expect(await kept(whole)).toBe(true);
  });

  it("leaves another installation's files alone", async () => {
    const nobody = newId();
    const id = await lost(nobody);
    expect(await sweeper.removeLost(-60_000)).toBe(0);
    expect(await kept(id, nobody)).toBe(true);
    await store.remove(keyOf(nobody, id));
  });

  it('removes what a killed process had half received', async () => {
    if (kind === 'S3') return; // there the folder is the process's own
    const [dead, coming] = [path.join(store.spoolDir, newId()), path.join(store.spoolDir, newId())];
    await writeFile(dead, 'half');
    await writeFile(coming, 'half');
    const hours = new Date(Date.now() - 2 * 3_600_000);
    await utimes(dead, hours, hours);
    await sweeper.removeLost();
    const { access } = await import('node:fs/promises');
    await expect(access(dead)).rejects.toThrow(/ENOENT/);
    await access(coming);
  });
});

it('a store that is out of reach is a 503, and the rest goes on', async () => {
  const hub = await startHub({ env: { MEDIA_STORE: 's3://a:b@127.0.0.1:9/files?tls=false' } });
  try {
    v1.expectError(await upload(hub.admin, 'x'), 503, 'SERVICE_UNAVAILABLE');
    expect(await hub.sql('SELECT id FROM attachment')).toEqual([]);
    expect((await fetch(`${hub.url}/health/ready`)).status).toBe(200);
    expect((await hub.admin.get('/v1/conversations')).status).toBe(200);
  } finally {
    await hub.stop();
  }
});
