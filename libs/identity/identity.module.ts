import { Module } from '@nestjs/common';
import { ApiKeysService } from './api-keys.service.js';
import { IdempotencyService } from './idempotency.service.js';
import { UsersQueries } from './users.queries.js';
import { UsersService } from './users.service.js';

@Module({
  providers: [ApiKeysService, IdempotencyService, UsersService, UsersQueries],
  exports: [ApiKeysService, IdempotencyService, UsersService, UsersQueries],
})
export class IdentityModule {}
