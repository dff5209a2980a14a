import { request } from 'node:http';
import { createLogger } from '@hub/platform/logger.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import { expectRefused, newPhone, Pact, whatsapp, type PactAnswer } from './pact-fixtures.js';

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

describe('what Pact clients send', () => {
  let hub: Hub;
  let pact: Pact;
  let id: number;

  beforeAll(async () => {
    hub = await startHub();
    pact = await Pact.of(hub, hub.admin);
    await whatsapp(hub.admin);
    id = (await pact.create(newPhone())).data.conversation.external_id;
  });
  afterAll(() => hub.stop());

  /** A request as it is, with no header that is not named. */
  function send(method: string, path: string, body?: string, type?: string): Promise<PactAnswer> {
    return new Promise((resolve, reject) => {
      const headers = {
        'x-private-api-token': hub.admin.key,
        authorization: `Bearer ${hub.admin.key}`,
        ...(type && { 'content-type': type }),
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
      };
      const { hostname, port } = new URL(hub.url);
      const call = request({ hostname, port, path, method, headers }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => {
          const parsed = JSON.parse(text) as PactAnswer;
          resolve({ ...parsed, http: response.statusCode ?? 0, headers: new Headers(), text });
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  describe('S4-8 the same fields, however they are packed', () => {
    const fields = (phone: string): string => `provider=whatsapp&phone=${phone}`;
    const json = (phone: unknown): string => JSON.stringify({ provider: 'whatsapp', phone });

    it.each<[string, string, (phone: string) => string | undefined, string | undefined]>([
      ['a form', '', fields, FORM],
      ['a form with a charset', '', fields, `${FORM}; charset=UTF-8`],
      ['a form labelled as JSON', '', fields, JSON_TYPE],
      ['a form labelled as nothing', '', fields, undefined],
      ['JSON', '', json, JSON_TYPE],
      ['JSON with a number', '', (phone) => json(Number(phone)), JSON_TYPE],
      ['JSON labelled as a form', '', json, FORM],
      ['JSON labelled as nothing', '', json, undefined],
      ['a trailing slash', '/', fields, FORM],
      ['many slashes', '///', fields, FORM],
      ['a plus', '', (phone) => fields(`+${phone}`), FORM],
      ['an escaped plus', '', (phone) => fields(`%2B${phone}`), FORM],
    ])('%s', async (_, slashes, body, type) => {
      const phone = newPhone();
      const answer = await send('POST', pact.at + slashes, body(phone), type);
      expect([answer.http, answer.data.conversation.sender_external_id]).toEqual([200, phone]);
    });

    it('the query', async () => {
      const phone = newPhone();
      for (const type of [undefined, FORM, JSON_TYPE]) {
        const answer = await send('POST', `${pact.at}?${fields(phone)}`, type && '', type);
        expect([answer.http, answer.data.conversation.sender_external_id]).toEqual([200, phone]);
      }
      const user = await v1.user(hub.admin);
      const { number } = user.attributes as unknown as { number: number };
      expect((await send('PUT', `/${pact.at}//${id}/assign/?assignee_id=${number}`)).http).toBe(200);
    });

    it('nowhere but here', async () => {
      for (const [type, status] of [
        [FORM, 415],
        ['application/x-pact-fields', 415],
        [undefined, 415],
      ] as const) {
        expect((await send('POST', '/v1/contacts', 'name=x', type)).http).toBe(status);
      }
      expect((await send('POST', '/v1/contacts', 'name=x', JSON_TYPE)).http).toBe(400);
      expect((await send('GET', '//v1/contacts')).http).toBe(404);
    });
  });

  describe('is refused', () => {
    const good = newPhone();
    it.each<[string, string, string, string | undefined, string | undefined, number, string]>([
      ['no provider', 'POST', '', `phone=${good}`, FORM, 400, 'provider'],
      ['no phone', 'POST', '', 'provider=whatsapp', FORM, 400, 'phone'],
      ['an empty phone', 'POST', '', 'provider=whatsapp&phone=', FORM, 400, 'phone'],
      ['nothing', 'POST', '', undefined, undefined, 400, 'provider'],
      ['another provider', 'POST', '', `provider=telegram&phone=${good}`, FORM, 400, 'provider'],
      ['two providers', 'POST', '', `provider=whatsapp&provider=whatsapp&phone=${good}`, FORM, 400, 'provider'],
      ['a provider in a list', 'POST', '', `provider[]=whatsapp&phone=${good}`, FORM, 400, 'provider'],
      ['two phones', 'POST', `?phone=${good}&phone=${good}`, 'provider=whatsapp', FORM, 400, 'phone'],
      ['letters for a phone', 'POST', '', 'provider=whatsapp&phone=call-me', FORM, 400, 'phone'],
      ['an emoji for a phone', 'POST', '', 'provider=whatsapp&phone=📞', FORM, 400, 'phone'],
      ['a short phone', 'POST', '', 'provider=whatsapp&phone=7925', FORM, 400, 'phone'],
      ['a phone of no country', 'POST', '', 'provider=whatsapp&phone=00079250000001', FORM, 400, 'phone'],
      ['a phone of punctuation', 'POST', '', 'provider=whatsapp&phone=7 (925) 000-00-01', FORM, 400, 'phone'],
      ['2^53 for a phone', 'POST', '', 'provider=whatsapp&phone=9007199254740992', FORM, 400, 'phone'],
      ['NUL in a phone', 'POST', '', 'provider=whatsapp&phone=7925000%000001', FORM, 400, 'phone'],
      ['an object for a phone', 'POST', '', '{"provider":"whatsapp","phone":{"a":1}}', JSON_TYPE, 400, 'phone'],
      ['a fraction for a phone', 'POST', '', '{"provider":"whatsapp","phone":7.5}', JSON_TYPE, 400, 'phone'],
      ['a flag for a provider', 'POST', '', `{"provider":true,"phone":"${good}"}`, JSON_TYPE, 400, 'provider'],
      ['broken JSON', 'POST', '', '{"provider":', JSON_TYPE, 400, 'body'],
      ['broken JSON as a form', 'POST', '', '{"provider":', FORM, 400, 'body'],
      ['a prototype', 'POST', '', '{"__proto__":{"phone":"1"}}', JSON_TYPE, 400, 'body'],
      ['words as JSON', 'POST', '', 'hello', JSON_TYPE, 400, 'body'],
      ['a JSON list', 'POST', '', '[1]', JSON_TYPE, 400, 'body'],
      ['a JSON number', 'PUT', '/ID/assign', '5', JSON_TYPE, 400, 'body'],
      ['JSON null', 'PUT', '/ID/assign', 'null', JSON_TYPE, 400, 'body'],
      ['XML', 'POST', '', '<a/>', 'text/xml', 415, 'Content-Type'],
      ['a file', 'POST', '', 'x', 'multipart/form-data; boundary=x', 415, 'Content-Type'],
      ['more than 1 MiB', 'POST', '', `phone=${'7'.repeat(1_048_577)}`, FORM, 413, 'body'],
      ['letters for an assignee', 'PUT', '/ID/assign', 'assignee_id=ada', FORM, 400, 'assignee_id'],
      ['a fraction for an assignee', 'PUT', '/ID/assign', 'assignee_id=1.5', FORM, 400, 'assignee_id'],
      ['zero for an assignee', 'PUT', '/ID/assign', 'assignee_id=0', FORM, 400, 'assignee_id'],
      ['minus for an assignee', 'PUT', '/ID/assign', 'assignee_id=-1', FORM, 400, 'assignee_id'],
      ['2^53 for an assignee', 'PUT', '/ID/assign', 'assignee_id=9007199254740992', FORM, 400, 'assignee_id'],
      [
        '2^53 for an assignee in JSON',
        'PUT',
        '/ID/assign',
        '{"assignee_id":9007199254740992}',
        JSON_TYPE,
        400,
        'assignee_id',
      ],
      ['1e999 for an assignee', 'PUT', '/ID/assign', '{"assignee_id":1e999}', JSON_TYPE, 400, 'assignee_id'],
      ['two assignees', 'PUT', '/ID/assign', 'assignee_id=1&assignee_id=2', FORM, 400, 'assignee_id'],
      ['a list of assignees', 'PUT', '/ID/assign', '{"assignee_id":[1]}', JSON_TYPE, 400, 'assignee_id'],
      ['per 0', 'GET', '?per=0', undefined, undefined, 400, 'per'],
      ['per 101', 'GET', '?per=101', undefined, undefined, 400, 'per'],
      ['per -1', 'GET', '?per=-1', undefined, undefined, 400, 'per'],
      ['per in letters', 'GET', '?per=ten', undefined, undefined, 400, 'per'],
      ['per 2^53', 'GET', '?per=9007199254740992', undefined, undefined, 400, 'per'],
      ['a list of per', 'GET', '?per[]=5', undefined, undefined, 400, 'per'],
      ['two per', 'GET', '?per=5&per=5', undefined, undefined, 400, 'per'],
      ['a direction of nothing', 'GET', '?sort_direction=up', undefined, undefined, 400, 'sort_direction'],
      ['a loud direction', 'GET', '?sort_direction=ASC', undefined, undefined, 400, 'sort_direction'],
      ['two directions', 'GET', '?sort_direction=asc&sort_direction=asc', undefined, undefined, 400, 'sort_direction'],
    ])('%s', async (_, method, below, body, type, status, field) => {
      const before = await v1.checksum(hub);
      const answer = await send(method, pact.at + encodeURI(below.replace('ID', String(id))), body, type);
      const code = { 400: 'VALIDATION_ERROR', 413: 'PAYLOAD_TOO_LARGE' }[status] ?? 'UNSUPPORTED_MEDIA_TYPE';
      expectRefused(answer, status, code, field);
      expect(await v1.checksum(hub)).toEqual(before);
    });

    const NO_NUMBERS = [
      '0',
      '-1',
      '01',
      '1.0',
      'x',
      '1e3',
      '9007199254740992',
      '99999999999999999999',
      '%F0%9F',
      '🙂',
      '%00',
    ];

    it.each(NO_NUMBERS)('the id %s', async (wrong) => {
      const at = `${pact.at}/${wrong.startsWith('%') ? wrong : encodeURIComponent(wrong)}`;
      for (const [method, below] of [
        ['GET', ''],
        ['PUT', '/assign'],
      ] as const) {
        const answer = await send(method, at + below);
        expect([answer.http, answer.status]).toEqual([404, 'error']);
      }
    });

    it.each([...NO_NUMBERS, '999999'])('the company %s', async (wrong) => {
      const company = wrong.startsWith('%') ? wrong : encodeURIComponent(wrong);
      const before = await v1.checksum(hub);
      for (const [method, below] of [
        ['GET', ''],
        ['POST', `?provider=whatsapp&phone=${good}`],
        ['GET', `/${id}`],
        ['PUT', `/${id}/assign`],
      ] as const) {
        const answer = await send(method, `/p1/companies/${company}/conversations${below}`);
        expect([answer.http, answer.status]).toEqual([404, 'error']);
      }
      expect(await v1.checksum(hub)).toEqual(before);
    });
  });

  describe('C7 the key', () => {
    const ask = async (query: string, headers: Record<string, string> = {}, method = 'GET') => {
      const response = await fetch(`${hub.url}${pact.at}${query}`, { method, headers });
      return { ...((await response.json()) as PactAnswer), http: response.status };
    };

    it('may stand in the query, and the header goes before it', async () => {
      const { key } = hub.admin;
      expect((await ask(`?private_api_token=${key}`)).http).toBe(200);
      expect((await ask('?private_api_token=wrong', { 'x-private-api-token': key })).http).toBe(200);
      const wrong = await ask(`?private_api_token=${key}`, { 'x-private-api-token': 'wrong' });
      expect([wrong.http, wrong.error.code]).toEqual([401, 'INVALID_API_KEY']);
      expect((await ask(`?private_api_token=${key}&private_api_token=${key}`)).http).toBe(401);
      const native = await fetch(`${hub.url}/v1/conversations?private_api_token=${key}`);
      expect(native.status).toBe(401);
    });

    it('is an API key and nothing else, in no other place', async () => {
      const { key } = hub.admin;
      const made = await v1.contact(hub.admin);
      const contact = v1.ok(
        await hub.admin.post<{ token: string }>(`/v1/contacts/${made.id}/token`, { expiresIn: 60 }),
      );
      const person = { email: v1.newEmail(), password: 'a-long-password', name: 'Ada', organizationName: 'Ada' };
      const accessToken = String((await hub.as('').post('/v1/auth/register', person)).meta['accessToken']);
      const own = new Pact(hub.as(accessToken), 2);
      expect((await own.list()).error.code).toBe('INVALID_API_KEY');
      for (const token of [contact.token, accessToken]) {
        expect(token).toMatch(/^eyJ/);
        const header = await ask('', { 'x-private-api-token': token });
        expect([header.http, header.status, header.error.code]).toEqual([401, 'error', 'INVALID_API_KEY']);
        expect((await ask(`?private_api_token=${token}`)).http).toBe(401);
      }
      const others: Record<string, string>[] = [{}, { authorization: `Bearer ${key}` }, { 'x-api-key': key }];
      for (const headers of others) {
        const answer = await ask('', headers);
        expect([answer.http, answer.error.code]).toEqual([401, 'AUTHENTICATION_REQUIRED']);
      }
    });

    it('never comes into a log', async () => {
      const lines: string[] = [];
      const { createApi } = await import('../../../apps/api/app.js');
      const logger = createLogger('trace', 'api');
      for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
        logger[level] = (...words: unknown[]) => void lines.push(JSON.stringify(words));
      }
      const api = await createApi(hub.config, logger);
      await api.listen(0, '127.0.0.1');
      const url = (await api.getUrl()).replace('[::1]', '127.0.0.1');
      const { key } = hub.admin;
      const at = [pact.at, `/${pact.at}//`, `${pact.at}/1/x`, '/p1', '/p1/%F0', `${pact.at}/${id}`];
      for (const place of at) await fetch(`${url}${place}?per=3&private_api_token=${key}`);
      await fetch(`${url}${pact.at}?private_api_token=${key}`, { method: 'POST', body: '{' });
      await api.close();
      expect(lines.filter((line) => line.includes('http.request')).length).toBeGreaterThan(5);
      expect(lines.filter((line) => line.includes(key))).toEqual([]);
    });
  });

  it('a POST may be repeated under an Idempotency-Key, as everywhere', async () => {
    const form = `provider=whatsapp&phone=${newPhone()}`;
    const call = { form, headers: { 'idempotency-key': 'pact-1' } };
    const [first, again] = [await pact.call('POST', '', call), await pact.call('POST', '', call)];
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
  });
});
