import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '@hub/platform/config.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { NestLogger, type Logger } from '@hub/platform/logger.js';
import { WorkerModule } from './worker.module.js';

/** The worker, at work as soon as it is initialised; it listens for health and metrics only. */
export function createWorker(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = createHttpAdapter(config, ({ statusCode = 400 }) => ({ status: statusCode, body: {} }));
  return NestFactory.create<NestFastifyApplication>(WorkerModule.forRoot(config, logger), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
}
