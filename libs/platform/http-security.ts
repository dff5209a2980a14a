import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from './config.js';

const HSTS_SECONDS = 15_552_000;
const PREFLIGHT_SECONDS = 600;
/** What a page of an allowed origin may read beside the body. */
const EXPOSED = [
  'X-Request-ID',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'Idempotency-Replayed',
  'X-Total-Count',
  'Link',
];

/** Security headers on every answer, and CORS for the origins that the operator has named: for none by default. */
export async function secureHttp(
  app: NestFastifyApplication,
  { CORS_ORIGINS, PUBLIC_URL }: Pick<Config, 'CORS_ORIGINS' | 'PUBLIC_URL'>,
): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"], // the page of the OpenAPI document styles itself
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // for this host alone: its subdomains are not ours. A browser would otherwise refuse plain http on this host for months
    strictTransportSecurity: PUBLIC_URL?.startsWith('https:')
      ? { maxAge: HSTS_SECONDS, includeSubDomains: false }
      : false,
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  if (CORS_ORIGINS.length === 0) return;
  const isAny = CORS_ORIGINS.includes('*');
  await app.register(cors, {
    origin: isAny ? '*' : CORS_ORIGINS,
    credentials: !isAny,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
  });
}
