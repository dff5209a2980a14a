import { Module } from '@nestjs/common';
import { IdempotencyService } from './idempotency.service.js';
import { IdempotencySweeper } from './idempotency.sweeper.js';

@Module({ providers: [IdempotencyService, IdempotencySweeper] })
export class IdentityWorkerModule {}
