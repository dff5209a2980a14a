import { Controller, Get, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { createHttpAdapter } from '@hub/platform/http.js';
import type { Dialect } from './dialect.js';
import { documentOf, serveDocuments } from './document.js';

@Controller('one')
class OneController {
  @Get()
  get(): object {
    return {};
  }
}

@Controller('two')
class TwoController extends OneController {}

@Module({ controllers: [OneController] })
class OneModule {}

@Module({ controllers: [TwoController] })
class TwoModule {}

@Module({ imports: [OneModule, TwoModule] })
class RootModule {}

const dialect = (name: string, module: Type): Dialect => ({
  name,
  module,
  wording: { owns: () => false, word: () => ({ status: 400, body: {} }) },
  document: (app) => documentOf(app, module, new DocumentBuilder().build()),
});

describe('the documents of several dialects', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const adapter = createHttpAdapter({ TRUST_PROXY: [] }, () => undefined);
    app = await NestFactory.create<NestFastifyApplication>(RootModule, adapter, { logger: false, bodyParser: false });
    serveDocuments(app, [dialect('one', OneModule), dialect('two', TwoModule)]);
    await app.init();
  });
  afterAll(() => app.close());

  it.each([
    ['/docs/openapi.json', '/one'],
    ['/docs/two/openapi.json', '/two'],
  ])('%s holds the routes of its own dialect only', async (url, path) => {
    const { paths } = (await app.inject({ url })).json<OpenAPIObject>();
    expect(Object.keys(paths)).toEqual([path]);
  });

  it('can all be chosen on the page', async () => {
    expect((await app.inject({ url: '/docs' })).statusCode).toBe(200);
    const script = (await app.inject({ url: '/docs/swagger-ui-init.js' })).body;
    expect(script).toContain('"url": "/docs/openapi.json"');
    expect(script).toContain('"url": "/docs/two/openapi.json"');
  });
});
