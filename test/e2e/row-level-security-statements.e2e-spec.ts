import { createDataSource } from '@hub/model/data-source.js';
import { Database } from '@hub/model/database.js';
import type { DataSource } from 'typeorm';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { startHub, type Hub } from '../support/harness.js';

/** Single statements as the product sends them, all on one connection. */
describe('a statement and its tenant', () => {
  let hub: Hub;
  let source: DataSource;
  let db: Database;
  let mine: string;
  let other: string;

  const CONTACTS = 'SELECT count(*)::int AS n, min(organization_id::text) AS "of" FROM contact';
  const NOTHING = [{ n: 0, of: null }];
  const own = (organization: string): unknown[] => [{ n: 1, of: organization }];
  const seenBy = (organization: string): Promise<unknown[]> => db.reader(organization).query<unknown[]>(CONTACTS);
  const seenByNobody = (): Promise<unknown[]> => source.query<unknown[]>(CONTACTS);
  const prepared = { name: 'count-contacts', text: `${CONTACTS} WHERE $1` };
  const insert = (id: string, times: number): [string, unknown[]] => [
    `INSERT INTO contact (organization_id, id, name) SELECT $1::uuid, $2::uuid, 'x' FROM generate_series(1, ${times})`,
    [mine, id],
  ];

  beforeAll(async () => {
    hub = await startHub();
    const stranger = await hub.newOrganization('other inc');
    for (const api of [hub.admin, stranger]) v1.ok(await api.post('/v1/contacts', { name: 'Ana' }));
    [mine, other] = [v1.uuid(hub.admin.organizationId), v1.uuid(stranger.organizationId)];
    source = await createDataSource(hub.database.databaseUrl, 1).initialize();
    db = new Database(source);
  });
  afterAll(async () => {
    await source.destroy();
    await hub.stop();
  });

  it('go together: the next statement on the connection has its own or none', async () => {
    const named = (organization: string): Promise<unknown[]> => db.prepared(organization, prepared, [true]);
    const lone = [seenBy(mine), seenBy(other), seenByNobody(), named(mine), named(other), seenByNobody()];
    expect(await Promise.all(lone)).toEqual([own(mine), own(other), NOTHING, own(mine), own(other), NOTHING]);
    const crossing = [db.lookup('authenticate', prepared, [true]), seenBy(mine), db.lookup('relay', prepared, [true])];
    expect(await Promise.all(crossing)).toEqual([NOTHING, own(mine), NOTHING]);
  });

  it('go together when the statement fails, and the connection goes on', async () => {
    await expect(db.reader(mine).query('SELECT 1 / $1::int', [0])).rejects.toMatchObject({ code: '22012' });
    expect(await seenByNobody()).toEqual(NOTHING);
    const wrong = { name: 'wrong', text: 'SELECT $1::int FROM nothing' };
    for (let i = 0; i < 2; i++) await expect(db.prepared(mine, wrong, [1])).rejects.toMatchObject({ code: '42P01' });
    expect(await seenBy(other)).toEqual(own(other));
  });

  it('are a transaction: all of the statement is written or nothing', async () => {
    const id = '00000000-0000-7000-8000-000000000001';
    await expect(db.reader(mine).query(...insert(id, 2))).rejects.toMatchObject({ code: '23505' });
    expect(await seenBy(mine)).toEqual(own(mine));
    await expect(db.reader(other).query(...insert(id, 1))).rejects.toMatchObject({ code: '42501' });
    await db.reader(mine).query(...insert(id, 1));
    expect(await hub.sql('SELECT name FROM contact WHERE id = $1', [id])).toEqual([{ name: 'x' }]);
  });

  it('names the caller in the stack of a failure', async () => {
    const failure: unknown = await db
      .reader(mine)
      .query('SELECT 1 / $1::int', [0])
      .catch((error: unknown) => error);
    expect((failure as Error).stack).toMatch(/Database\.single/);
  });
});
