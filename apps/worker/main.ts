import 'reflect-metadata';
import { requireSchema } from '@hub/model/migrate.js';
import { loadConfig } from '@hub/platform/config.js';
import { createLogger } from '@hub/platform/logger.js';
import { runProcess } from '@hub/platform/run-process.js';
import { createWorker } from './app.js';

await runProcess('worker', async () => {
  const config = loadConfig();
  const logger = createLogger(config.LOG_LEVEL, 'worker');
  await requireSchema(config.DATABASE_URL);
  const app = await createWorker(config, logger);
  await app.listen(config.WORKER_PORT, config.HOST);
  const url = await app.getUrl();
  logger.info({ url }, 'worker.listening');
  return { url, close: () => app.close() };
});
