import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { V1EventsModule, V1Module } from '@hub/dialects/v1/v1.module.js';
import { MediaLinksController } from '@hub/media/media-links.controller.js';
import { MediaModule } from '@hub/media/media.module.js';
import { Database } from '@hub/model/database.js';
import { ModelModule } from '@hub/model/model.module.js';
import type { Config } from '@hub/platform/config.js';
import { Health } from '@hub/platform/health.js';
import type { Logger } from '@hub/platform/logger.js';
import { PlatformModule } from '@hub/platform/platform.module.js';
import { QueueBackend } from '@hub/platform/queue-backend.js';

@Module({})
export class ApiModule implements OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Database) private readonly db: Database,
    @Inject(QueueBackend) private readonly queues: QueueBackend,
  ) {}

  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: ApiModule,
      imports: [PlatformModule.forRoot(config, logger), ModelModule, V1EventsModule, V1Module, MediaModule],
      controllers: [MediaLinksController],
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
