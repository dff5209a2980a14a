import { Module } from '@nestjs/common';
import { ApiKeysService } from './api-keys.service.js';
import { UsersQueries } from './users.queries.js';
import { UsersService } from './users.service.js';

@Module({
  providers: [ApiKeysService, UsersService, UsersQueries],
  exports: [ApiKeysService, UsersService, UsersQueries],
})
export class IdentityModule {}
