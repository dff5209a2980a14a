import { jest } from '@jest/globals';
import type { Answer } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { codeOf, colleague, newEmail, PASSWORD, register, signIn } from './auth-fixtures.js';

jest.setTimeout(60_000);

describe('the last super_admin', () => {
  let hub: Hub;
  let other: HubProcess;
  beforeAll(async () => {
    hub = await startHub();
    other = await startProcess('api', hub.database);
  });
  afterAll(async () => {
    await other.kill();
    await hub.stop();
  });

  const refused = (answer: Answer, field: string): void => {
    expect(codeOf(answer)).toBe('400 VALIDATION_ERROR');
    expect(answer.error.message).toMatch(/at least one active super_admin/);
    expect(answer.error.details?.[0]?.field).toBe(field);
  };

  it('can neither be suspended, demoted nor removed', async () => {
    const owner = await register(hub);
    const path = `/v1/users/${owner.userId}`;
    refused(await owner.api.patch(path, { status: 'suspended' }), 'status');
    refused(await owner.api.patch(path, { role: 'admin' }), 'role');
    refused(await owner.api.delete(path), 'id');
    expect((await owner.api.patch(path, { name: 'Still here', role: 'super_admin', status: 'active' })).status).toBe(
      200,
    );
    expect((await owner.api.get('/v1/auth/me')).status).toBe(200);
  });

  it('is not replaced by one who cannot sign in', async () => {
    const owner = await register(hub);
    const made = await owner.api.post('/v1/users', { email: newEmail(), name: 'Invited', role: 'super_admin' });
    refused(await owner.api.delete(`/v1/users/${owner.userId}`), 'id');
    expect((await owner.api.delete(`/v1/users/${made.data.id}`)).status).toBe(204);
    const second = await colleague(hub, owner, 'super_admin');
    await owner.api.patch(`/v1/users/${second.userId}`, { status: 'suspended' });
    refused(await owner.api.patch(`/v1/users/${owner.userId}`, { role: 'agent' }), 'role');
    await owner.api.patch(`/v1/users/${second.userId}`, { status: 'active' });
    expect((await owner.api.patch(`/v1/users/${owner.userId}`, { role: 'agent' })).status).toBe(200);
  });

  it('stays when all of them are demoted, suspended and removed at once, at two processes', async () => {
    for (let round = 0; round < 4; round++) {
      const owner = await register(hub);
      const others = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const email = newEmail();
          await owner.api.post('/v1/users', { email, name: 'Owner', role: 'super_admin', password: PASSWORD });
          return signIn(hub, email);
        }),
      );
      const all = [owner, ...others];
      const answers = await Promise.all(
        all.map((one, i) => {
          const path = `/v1/users/${one.userId}`;
          const url = i % 2 ? other.url : hub.url;
          const body = [{ role: 'agent' }, { status: 'suspended' }, null][i % 3];
          return fetch(`${url}${path}`, {
            method: body ? 'PATCH' : 'DELETE',
            headers: {
              authorization: `Bearer ${one.accessToken}`,
              ...(body && { 'content-type': 'application/json' }),
            },
            ...(body && { body: JSON.stringify(body) }),
          });
        }),
      );
      const gone = answers.filter(({ status }) => status < 300);
      const stayed = answers.filter(({ status }) => status === 400);
      expect([gone.length, stayed.length]).toEqual([4, 1]);
    }
  });
});
