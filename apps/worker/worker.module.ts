import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { AssignmentWorkerModule } from '@hub/assignment/assignment.worker.module.js';
import { FreedCapacity } from '@hub/assignment/routing/freed-capacity.js';
import { ConversationsWorkerModule } from '@hub/conversations/conversations.worker.module.js';
import { V1EventsModule } from '@hub/dialects/v1/v1.module.js';
import { EventSinks } from '@hub/events/event-sinks.js';
import { EventTasks } from '@hub/events/event-tasks.js';
import { EventSink, RelayService } from '@hub/events/relay.service.js';
import { IdentityWorkerModule } from '@hub/identity/identity.worker.module.js';
import { MediaWorkerModule } from '@hub/media/media.worker.module.js';
import { Database } from '@hub/model/database.js';
import { ModelModule } from '@hub/model/model.module.js';
import type { Config } from '@hub/platform/config.js';
import { Health } from '@hub/platform/health.js';
import type { Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { PlatformModule } from '@hub/platform/platform.module.js';
import { QueueBackend } from '@hub/platform/queue-backend.js';
import { FanOut } from '@hub/webhooks/fan-out.js';
import { WebhooksWorkerModule } from '@hub/webhooks/webhooks.worker.module.js';

@Module({})
export class WorkerModule implements OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Database) private readonly db: Database,
    @Inject(QueueBackend) private readonly queues: QueueBackend,
    @Inject(RelayService) private readonly relay: RelayService,
  ) {}

  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        PlatformModule.forRoot(config, logger),
        ModelModule,
        V1EventsModule,
        IdentityWorkerModule,
        ConversationsWorkerModule,
        MediaWorkerModule,
        WebhooksWorkerModule,
        AssignmentWorkerModule,
      ],
      providers: [
        RelayService,
        {
          provide: EventSink,
          useFactory: (...sinks: EventSink[]) => new EventSinks(sinks),
          inject: [FanOut, FreedCapacity, EventTasks],
        },
      ],
    };
  }

  onModuleInit(): void {
    this.health.register('database', async () => void (await this.db.dataSource.query('SELECT 1')));
    this.health.register('queue', async () => {
      await this.queues.ping();
      return { backend: this.queues.kind };
    });
    this.health.register('relay', async () => ({ lagSeconds: await this.relay.lagSeconds() }));
    this.metrics.gauge('outbox_lag_seconds', 'Age of the oldest event that waits for its fan-out', () =>
      this.relay.lagSeconds(),
    );
  }
}
