import { newId, encodeId } from '@hub/platform/ids.js';
import type { ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let other: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  other = await hub.newOrganization('Elsewhere');
});
afterAll(() => hub.stop());

const HOURS = {
  timezone: 'Europe/Berlin',
  weekly: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00' }],
  holidays: ['2026-12-25'],
};
const PATH = '/v1/service-levels';

describe('service levels as records', () => {
  test('are made, ordered, changed and removed; the audit log tells of it', async () => {
    const channel = await v1.channel(api);
    const conditions = [{ field: 'channelId', operator: 'in', value: [channel.id] }];
    const plain = v1.ok(await api.post(PATH, { name: 'Plain', resolution: 60 }));
    expect(plain).toMatchObject({
      id: expect.stringMatching(/^sla_/) as unknown,
      type: 'service_level',
      attributes: {
        name: 'Plain',
        position: 1,
        enabled: true,
        conditions: [],
        firstResponse: null,
        nextResponse: null,
        resolution: 60,
        warnBefore: 0,
        businessHours: null,
      },
    });
    const fields = {
      firstResponse: 900,
      nextResponse: 1_800,
      resolution: 86_400,
      warnBefore: 300,
      businessHours: HOURS,
    };
    const full = v1.ok(await api.post(PATH, { name: 'Full', position: 1, enabled: false, conditions, ...fields }));
    expect(full.attributes).toMatchObject({ ...fields, position: 1, enabled: false, conditions });
    expect((await api.get<Resource[]>(PATH)).data.map(({ id }) => id)).toEqual([full.id, plain.id]);
    const changed = v1.ok(
      await api.patch(`${PATH}/${full.id}`, { position: 2, nextResponse: null, businessHours: null }),
    );
    expect(changed.attributes).toMatchObject({
      position: 2,
      nextResponse: null,
      businessHours: null,
      firstResponse: 900,
    });
    expect(v1.ok(await api.get(`${PATH}/${full.id}`))).toEqual(changed);
    expect((await api.delete(`${PATH}/${full.id}`)).status).toBe(204);
    v1.expectError(await api.get(`${PATH}/${full.id}`), 404, 'RESOURCE_NOT_FOUND');
    const audit = await api.get<Resource[]>(`/v1/audit?subjectId=${full.id}`);
    expect(audit.data.map((line) => line.attributes['action'])).toEqual([
      'service_level.deleted',
      'service_level.updated',
      'service_level.created',
    ]);
    expect(v1.at(audit.data[0], 'attributes.subject')).toEqual({ type: 'service_level', id: full.id });
  });

  test.each<[v1.Json, string]>([
    [{ resolution: null }, 'firstResponse'],
    [{ name: '' }, 'name'],
    [{ firstResponse: 0 }, 'firstResponse'],
    [{ nextResponse: '60' }, 'nextResponse'],
    [{ resolution: 1.5 }, 'resolution'],
    [{ resolution: 8_000_000 }, 'resolution'],
    [{ warnBefore: -1 }, 'warnBefore'],
    [{ warnBefore: 60 }, 'warnBefore'],
    [{ position: 0 }, 'position'],
    [{ conditions: [{ field: 'nothing', operator: 'eq', value: 1 }] }, 'conditions.0.field'],
    [{ conditions: [{ field: 'priority', operator: 'eq', value: 'huge' }] }, 'conditions.0.value'],
    [{ businessHours: { ...HOURS, timezone: 'Berlin' } }, 'businessHours.timezone'],
    [{ businessHours: { ...HOURS, holidays: ['2026-02-30'] } }, 'businessHours.holidays.0'],
    [
      { businessHours: { ...HOURS, weekly: [{ days: [1], from: '09:00', to: '09:01' }] }, resolution: 7_000 },
      'resolution',
    ],
  ])('refuses %j and names %s, in POST and PATCH', async (fields, field) => {
    const level = v1.ok(await api.post(PATH, { name: 'Good', resolution: 60 }));
    v1.expectError(await api.post(PATH, { name: 'Bad', resolution: 60, ...fields }), 400, 'VALIDATION_ERROR', field);
    v1.expectError(await api.patch(`${PATH}/${level.id}`, fields), 400, 'VALIDATION_ERROR', field);
    expect(v1.ok(await api.get(`${PATH}/${level.id}`))).toEqual(level);
  });

  test('another organization has no access, nor may its ids be named', async () => {
    const level = v1.ok(await api.post(PATH, { name: 'Mine', resolution: 60 }));
    for (const answer of [
      await other.get(`${PATH}/${level.id}`),
      await other.get(`${PATH}/${level.id}/log`),
      await other.patch(`${PATH}/${level.id}`, { resolution: 1 }),
      await other.delete(`${PATH}/${level.id}`),
      await api.get(`${PATH}/${encodeId('sla', newId())}`),
      await api.get(`${PATH}/nonsense`),
    ]) {
      v1.expectError(answer, 404, 'RESOURCE_NOT_FOUND');
    }
    const foreign = await v1.channel(other);
    const conditions = [{ field: 'channelId', operator: 'eq', value: foreign.id }];
    v1.expectError(await api.post(PATH, { name: 'x', resolution: 60, conditions }), 404, 'CHANNEL_NOT_FOUND');
    expect(v1.ok(await api.get(`${PATH}/${level.id}`))).toEqual(level);
    expect((await other.get<Resource[]>(PATH)).data).toEqual([]);
    const reader = await hub.withScopes('assignment:read');
    v1.expectError(await reader.post(PATH, { name: 'x', resolution: 60 }), 403, 'INSUFFICIENT_PERMISSIONS');
  });
});
