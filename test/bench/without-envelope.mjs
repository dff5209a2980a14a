// Preloaded into an API process under measurement: what setting the tenant costs. Told `{ bare: true }` by its parent,
// the process sends single statements and nothing before them; the tenant is set once per connection.
const { Database } = await import(new URL('../../dist/libs/model/database.js', import.meta.url).href);
const shipped = Database.prototype.single;
if (typeof shipped !== 'function')
  throw new Error('Single statements are sent elsewhere now: bring this file up to date');

let bare = false;
/** @type {Set<import('pg').PoolClient>} those that have their tenant for good */
const settled = new Set();

/** @param {{ setting: string, value: string }} scope @param {{ text: string, values: unknown[] }} statement */
Database.prototype.single = async function single(scope, statement) {
  if (!bare) return shipped.call(this, scope, statement);
  const client = await this.pool().connect();
  try {
    if (scope.setting === 'organization' && !settled.has(client)) {
      settled.add(client);
      await client.query(`SET switchboard.organization = '${scope.value}'`);
    }
    return (await client.query(statement)).rows;
  } finally {
    client.release();
  }
};

/** @param {{ bare: boolean }} told */
async function change(told) {
  for (const client of settled) await client.query('RESET switchboard.organization');
  settled.clear();
  bare = told.bare;
  process.send?.({ bare });
}
process.on('message', (/** @type {{ bare: boolean }} */ told) => void change(told));
