import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { refuseEarly } from '@hub/http/credential.js';
import { prepareAll, rewriterOf } from '@hub/http/dialect.js';
import { serveDocuments } from '@hub/http/document.js';
import { failureOf } from '@hub/http/failure.js';
import { callerOf } from '@hub/http/request.js';
import { Wordings } from '@hub/http/wording.js';
import type { Config } from '@hub/platform/config.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { observeHttp, traceHttp } from '@hub/platform/http-observer.js';
import { acceptUploads } from '@hub/platform/http-uploads.js';
import { secureHttp } from '@hub/platform/http-security.js';
import { NestLogger, type Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { Tracing } from '@hub/platform/tracing.js';
import { ApiModule } from './api.module.js';
import { DIALECTS } from './dialects.js';

/** The API, ready to listen. */
export async function createApi(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const wordings = new Wordings(DIALECTS);
  const adapter = createHttpAdapter(
    config,
    (error, request, reply) => wordings.answer(failureOf(error), request, reply),
    (statusCode, requestId) => wordings.unread(statusCode, requestId),
    rewriterOf(DIALECTS),
  );
  const fastify = adapter.getInstance<FastifyInstance>();
  prepareAll(DIALECTS, fastify);
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.forRoot(config, logger, wordings), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  traceHttp(fastify, app.get(Tracing), callerOf);
  await secureHttp(app, config);
  refuseEarly(fastify);
  await acceptUploads(app);
  observeHttp(fastify, app.get(Metrics), logger, callerOf);
  serveDocuments(app, DIALECTS);
  return app;
}
