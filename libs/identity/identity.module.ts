import { Module } from '@nestjs/common';
import { ApiKeysQueries } from './api-keys.queries.js';
import { ApiKeysService } from './api-keys.service.js';
import { Authenticator } from './authenticator.js';
import { IdempotencyService } from './idempotency.service.js';
import { LoginLock } from './login-lock.js';
import { Passwords } from './passwords.js';
import { RateLimiter } from './rate-limiter.js';
import { RecoveryService } from './recovery.service.js';
import { SessionsService } from './sessions.service.js';
import { SigningKeys } from './signing-keys.js';
import { Tokens } from './tokens.js';
import { UsersQueries } from './users.queries.js';
import { UsersService } from './users.service.js';

const shared = [
  ApiKeysQueries,
  ApiKeysService,
  Authenticator,
  IdempotencyService,
  RateLimiter,
  RecoveryService,
  SessionsService,
  Tokens,
  UsersQueries,
  UsersService,
];

@Module({ providers: [...shared, LoginLock, Passwords, SigningKeys], exports: shared })
export class IdentityModule {}
