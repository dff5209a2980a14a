import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RateLimitExceededError } from '@hub/identity/rate-limiter.js';
import { NotFoundError, ValidationError } from '@hub/platform/errors.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { LOGGER } from '@hub/platform/logger.js';
import { FailureFilter } from './failure.filter.js';
import { failureOf } from './failure.js';
import { under, Wordings, type Wording } from './wording.js';

const wording = (name: string, prefix: string): Wording => ({
  owns: under(prefix),
  word: ({ status, code, kind }, { id, path }) => ({
    status: status === 404 ? 410 : status,
    body: { name, code, kind, id, path },
    headers: { 'x-worded-by': name },
  }),
});

const wordings = new Wordings([{ wording: wording('one', '/first') }, { wording: wording('two', '/second') }]);
const logged: object[] = [];

@Controller(['first', 'second'])
class ThingsController {
  @Get(':id')
  get(@Param('id') id: string): object {
    if (id === 'many') throw new RateLimitExceededError(7);
    if (id === 'broken') throw new TypeError('x is not a function');
    throw new NotFoundError('THING_NOT_FOUND', 'Thing does not exist');
  }

  @Post()
  post(@Body() _body: unknown): void {
    throw ValidationError.of('name', 'name is required');
  }
}

@Module({
  controllers: [ThingsController],
  providers: [
    { provide: Wordings, useValue: wordings },
    { provide: LOGGER, useValue: { error: (line: object) => logged.push(line) } },
    { provide: APP_FILTER, useClass: FailureFilter },
  ],
})
class ThingsModule {}

describe('a failure', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const adapter = createHttpAdapter(
      { TRUST_PROXY: [] },
      (error, request, reply) => wordings.answer(failureOf(error), request, reply),
      (status, id) => wordings.unread(status, id),
      (url) => url.replace(/^\/2\//, '/second/'),
    );
    app = await NestFactory.create<NestFastifyApplication>(ThingsModule, adapter, { logger: false, bodyParser: false });
    await app.init();
  });
  afterAll(() => app.close());

  const ask = async (url: string, body?: string, contentType = 'application/json') => {
    const post = body === undefined ? {} : { method: 'POST' as const, body, headers: { 'content-type': contentType } };
    const answer = await app.inject({ url, ...post });
    return { status: answer.statusCode, headers: answer.headers, ...answer.json<{ name: string; code: string }>() };
  };

  it.each([
    ['that a command raises', '/second/1', undefined, 410, 'THING_NOT_FOUND'],
    ['of validation', '/second', '{}', 400, 'VALIDATION_ERROR'],
    ['of the body parser', '/second', '{', 400, 'VALIDATION_ERROR'],
    ['of a body too large', '/second', `"${'x'.repeat(1_100_000)}"`, 413, 'PAYLOAD_TOO_LARGE'],
    ['of an unknown route', '/second/1/2/3', undefined, 410, 'RESOURCE_NOT_FOUND'],
    ['of an address that cannot be decoded', '/second/%E0%A4%A', undefined, 410, 'RESOURCE_NOT_FOUND'],
    ['of an address that is far too long', `/second/${'1'.repeat(200)}`, undefined, 410, 'RESOURCE_NOT_FOUND'],
    ['at an address spelled otherwise', '/%73econd/1', undefined, 410, 'THING_NOT_FOUND'],
    ['at an address that is rewritten', '/2/1', undefined, 410, 'THING_NOT_FOUND'],
  ])('%s is worded by the dialect whose address it is', async (_, url, body, status, code) => {
    expect(await ask(url, body)).toMatchObject({ name: 'two', status, code, headers: { 'x-worded-by': 'two' } });
    const first = url.replace(/%73econd|second|2(?=\/)/, 'first');
    expect(await ask(first, body)).toMatchObject({ name: 'one', status, code });
  });

  it('of another content type is worded by the dialect, too', async () => {
    const told = { name: 'two', status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' };
    expect(await ask('/second', 'a=b', 'text/plain')).toMatchObject(told);
  });

  it.each(['/', '/nothing', '/seconds/1', '/secon', '/%'])(
    'at %s, which is nobody’s, is worded by the first',
    async (url) => {
      expect(await ask(url)).toMatchObject({ name: 'one', status: 410, code: 'RESOURCE_NOT_FOUND' });
    },
  );

  it('tells when to come again, whatever the dialect', async () => {
    const { status, headers, name } = await ask('/second/many');
    expect([status, headers['retry-after'], name]).toEqual([429, '7', 'two']);
  });

  it('that nobody foresaw is logged, and told without its cause', async () => {
    logged.length = 0;
    expect(await ask('/second/broken?secret=1')).toMatchObject({ name: 'two', status: 500, code: 'INTERNAL_ERROR' });
    expect(logged).toEqual([
      expect.objectContaining({
        method: 'GET',
        path: '/second/broken',
        code: 'INTERNAL_ERROR',
        stack: expect.stringContaining('TypeError') as string,
      }),
    ]);
    await ask('/second/1');
    expect(logged).toHaveLength(1);
  });
});
