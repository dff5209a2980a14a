import 'reflect-metadata';
import { loadConfig } from '@hub/platform/config.js';
import { LISTEN_BACKLOG } from '@hub/platform/http.js';
import { createLogger } from '@hub/platform/logger.js';
import { runProcess } from '@hub/platform/run-process.js';
import { requireSchema } from '@hub/model/migrate.js';
import { createApi } from './app.js';

await runProcess('api', async () => {
  const config = loadConfig();
  const logger = createLogger(config.LOG_LEVEL, 'api');
  await requireSchema(config.DATABASE_URL);
  const app = await createApi(config, logger);
  await app.listen({ port: config.PORT, host: config.HOST, backlog: LISTEN_BACKLOG });
  const url = config.PUBLIC_URL ?? (await app.getUrl());
  logger.info({ url, docs: `${url}/docs` }, 'api.listening');
  return { url, close: () => app.close() };
});
