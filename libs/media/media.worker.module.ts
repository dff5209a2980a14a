import { Module } from '@nestjs/common';
import { MediaModule } from './media.module.js';
import { MediaSweeper } from './media.sweeper.js';

@Module({ imports: [MediaModule], providers: [MediaSweeper] })
export class MediaWorkerModule {}
