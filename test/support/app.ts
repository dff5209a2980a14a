import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { APP_FILTER } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { V1_WORDING } from '@hub/dialects/v1/v1.wording.js';
import { FailureFilter } from '@hub/http/failure.filter.js';
import { Wordings } from '@hub/http/wording.js';
import { ModelModule } from '@hub/model/model.module.js';
import type { Config } from '@hub/platform/config.js';
import { createHttpAdapter } from '@hub/platform/http.js';
import { createLogger } from '@hub/platform/logger.js';
import { PlatformModule } from '@hub/platform/platform.module.js';

export interface RunningApp {
  readonly url: string;
  stop(): Promise<void>;
}

/** One more API in this process, or an app of `module` alone on the same ground. */
export async function startApp({ config, module }: { config: Config; module?: Type }): Promise<RunningApp> {
  const logger = createLogger(config.LOG_LEVEL, 'api');
  const app = module
    ? await bare(config, module)
    : await (await import('../../apps/api/app.js')).createApi(config, logger);
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  return { url, stop: () => app.close() };
}

function bare(config: Config, module: Type): Promise<NestFastifyApplication> {
  const logger = createLogger(config.LOG_LEVEL, 'api');
  const adapter = createHttpAdapter(
    config,
    (error, _, reply) => void reply.status(400).send({ message: error.message }),
  );
  const root = {
    module: class Root {},
    imports: [PlatformModule.forRoot(config, logger), ModelModule, module],
    providers: [
      { provide: Wordings, useValue: new Wordings([{ wording: V1_WORDING }]) },
      { provide: APP_FILTER, useClass: FailureFilter },
    ],
  };
  return NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
}
