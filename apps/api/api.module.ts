import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { PasswordPageController } from '@hub/http/password-page.controller.js';
import { V1EventsModule } from '@hub/dialects/v1/v1.module.js';
import { FailureFilter } from '@hub/http/failure.filter.js';
import { Wordings } from '@hub/http/wording.js';
import { MediaLinksController } from '@hub/media/media-links.controller.js';
import { MediaModule } from '@hub/media/media.module.js';
import { Database } from '@hub/model/database.js';
import { ModelModule } from '@hub/model/model.module.js';
import type { Config } from '@hub/platform/config.js';
import { Health } from '@hub/platform/health.js';
import type { Logger } from '@hub/platform/logger.js';
import { PlatformModule } from '@hub/platform/platform.module.js';
import { QueueBackend } from '@hub/platform/queue-backend.js';
import { DIALECTS } from './dialects.js';

@Module({})
export class ApiModule implements OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Database) private readonly db: Database,
    @Inject(QueueBackend) private readonly queues: QueueBackend,
  ) {}

  static forRoot(config: Config, logger: Logger, wordings: Wordings): DynamicModule {
    return {
      module: ApiModule,
      controllers: [PasswordPageController, MediaLinksController],
      imports: [
        PlatformModule.forRoot(config, logger),
        ModelModule,
        V1EventsModule,
        MediaModule,
        ...DIALECTS.map((dialect) => dialect.module),
      ],
      providers: [
        { provide: Wordings, useValue: wordings },
        { provide: APP_FILTER, useClass: FailureFilter },
      ],
    };
  }

  onModuleInit(): void {
    this.health.register('database', async () => void (await this.db.dataSource.query('SELECT 1')));
    this.health.register('queue', async () => {
      await this.queues.ping();
      return { backend: this.queues.kind };
    });
  }
}
