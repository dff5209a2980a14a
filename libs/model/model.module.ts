import { Global, Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { createDataSource, KEPT_CONNECTIONS } from './data-source.js';
import { Database } from './database.js';
import { whyWallIsOpen } from './tenant-wall.js';

@Global()
@Module({
  providers: [
    {
      provide: DataSource,
      inject: [CONFIG],
      useFactory: (config: Config) => createDataSource(config.DATABASE_URL, config.DATABASE_POOL).initialize(),
    },
    { provide: Database, inject: [DataSource], useFactory: (source: DataSource) => new Database(source) },
  ],
  exports: [Database],
})
export class ModelModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Opens the connections that are kept, and says so loudly where row-level security does not bind them. */
  async onApplicationBootstrap(): Promise<void> {
    await Promise.all(Array.from({ length: KEPT_CONNECTIONS }, () => this.source.query('SELECT 1')));
    await this.warnOfOpenWall();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  /** Loud, for it looks as if all were well: row-level security does not bind every role. */
  private async warnOfOpenWall(): Promise<void> {
    const reason = await whyWallIsOpen(this.source);
    if (!reason) return;
    const advice =
      'Row-level security does not bind this role: let DATABASE_URL name a plain role that owns no table, and ' +
      "MIGRATION_DATABASE_URL the tables' owner, then run `npm run migrate`";
    this.logger.warn({ reason, advice }, 'tenants.wall_open');
  }
}
