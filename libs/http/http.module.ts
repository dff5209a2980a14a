import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { IdentityModule } from '@hub/identity/identity.module.js';
import { RequestGate } from './gate.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { RequestLimits } from './limits.js';

/** What every dialect stands on. Importing it is enough for its POSTs to honour `Idempotency-Key`. */
@Module({
  imports: [IdentityModule],
  providers: [RequestGate, RequestLimits, { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor }],
  exports: [RequestGate, RequestLimits],
})
export class HttpModule {}
