import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { MediaLinks } from './media-links.js';
import { MediaQueries } from './media.queries.js';
import { MediaService } from './media.service.js';
import { MediaStore } from './media-store.js';
import { openStore } from './open-store.js';
import { Spool } from './spool.js';

const shared = [MediaLinks, MediaQueries, MediaService, MediaStore, Spool];

@Module({
  providers: [
    MediaLinks,
    MediaQueries,
    MediaService,
    {
      provide: MediaStore,
      inject: [CONFIG, LOGGER],
      useFactory: (config: Config, logger: Logger) => openStore(config, logger),
    },
    {
      provide: Spool,
      inject: [MediaStore, CONFIG],
      useFactory: (store: MediaStore, config: Config) => new Spool(store, config.MEDIA_MAX_BYTES),
    },
  ],
  exports: shared,
})
export class MediaModule implements OnApplicationShutdown {
  constructor(private readonly store: MediaStore) {}

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
