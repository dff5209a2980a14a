import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorBody, wordError } from '@hub/dialects/v1/v1.errors.filter.js';
import { serveV1Docs } from '@hub/dialects/v1/v1.openapi.js';
import type { Config } from '@hub/platform/config.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { NestLogger, type Logger } from '@hub/platform/logger.js';
import { ApiModule } from './api.module.js';

/** The API, ready to listen. */
export async function createApi(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = createHttpAdapter(config, (error, requestId) => {
    const worded = wordError(error);
    return { status: worded.status, body: errorBody(worded, requestId) };
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.forRoot(config, logger), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  serveV1Docs(app);
  return app;
}
