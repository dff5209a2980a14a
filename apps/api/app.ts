import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { errorBody, wordError } from '@hub/dialects/v1/v1.errors.filter.js';
import { callerOf } from '@hub/dialects/v1/v1.guard.js';
import { serveV1Docs } from '@hub/dialects/v1/v1.openapi.js';
import type { Config } from '@hub/platform/config.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { observeHttp } from '@hub/platform/http-observer.js';
import { acceptUploads } from '@hub/platform/http-uploads.js';
import { secureHttp } from '@hub/platform/http-security.js';
import { NestLogger, type Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { ApiModule } from './api.module.js';

/** The API, ready to listen. */
export async function createApi(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = createHttpAdapter(
    config,
    (error, request, reply) => {
      const worded = wordError(error);
      void reply.status(worded.status).send(errorBody(worded, request.id));
    },
    (statusCode, requestId) => errorBody(wordError({ statusCode }), requestId),
  );
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.forRoot(config, logger), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  await secureHttp(app, config);
  await acceptUploads(app);
  observeHttp(adapter.getInstance<FastifyInstance>(), app.get(Metrics), logger, callerOf);
  serveV1Docs(app);
  return app;
}
