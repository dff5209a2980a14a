import { Module } from '@nestjs/common';
import { ApiKeysService } from './api-keys.service.js';
import { IdempotencyService } from './idempotency.service.js';
import { RateLimiter } from './rate-limiter.js';
import { UsersQueries } from './users.queries.js';
import { UsersService } from './users.service.js';

@Module({
  providers: [ApiKeysService, IdempotencyService, RateLimiter, UsersService, UsersQueries],
  exports: [ApiKeysService, IdempotencyService, RateLimiter, UsersService, UsersQueries],
})
export class IdentityModule {}
