import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from './config.js';
import { Health, HealthController } from './health.js';
import { LOGGER, type Logger } from './logger.js';
import { Mailer } from './mailer.js';
import { Metrics } from './metrics.js';
import { QueueBackend } from './queue-backend.js';
import { SecretBox } from './secret-box.js';
import { Tracing } from './tracing.js';

/** What every room may use without importing it: configuration, log, metrics, spans, queue backend, sealed secrets. */
@Global()
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    private readonly queues: QueueBackend,
    private readonly mailer: Mailer,
    private readonly tracing: Tracing,
  ) {}

  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: PlatformModule,
      controllers: [HealthController],
      providers: [
        Health,
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: Metrics, useValue: new Metrics() },
        { provide: Tracing, useFactory: () => Tracing.start(config, logger, processOf(logger)) },
        { provide: SecretBox, useValue: new SecretBox(config.SECRET_KEY, config.SECRET_KEY_PREVIOUS) },
        { provide: Mailer, useValue: new Mailer(config, logger) },
        { provide: QueueBackend, useFactory: () => new QueueBackend(config, logger) },
      ],
      exports: [Health, CONFIG, LOGGER, Metrics, Tracing, SecretBox, Mailer, QueueBackend],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.queues.close(), this.mailer.close(), this.tracing.close()]);
  }
}

const processOf = (logger: Logger): string => String(logger.bindings()['process']);
