import type { INestApplication, Type } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import type { Wording } from './wording.js';

/** One HTTP contract, whole: what an application composes. */
export interface Dialect {
  /** In the address of its document: `/docs/<name>/openapi.json`. */
  readonly name: string;
  /** Its controllers, each route with a rule. */
  readonly module: Type;
  readonly wording: Wording;
  /** Its own routes only. */
  readonly document: (app: INestApplication) => OpenAPIObject;
  /** Registers on the bare server what its routes need, before there are any. It is the server of all dialects. */
  readonly prepare?: (fastify: FastifyInstance) => void;
  /** The address that is meant, before routing; another dialect's comes back as it is. Must not throw. */
  readonly rewriteUrl?: (url: string) => string;
}

/** All that dialects register and rewrite, as one. */
export const prepareAll = (dialects: readonly Dialect[], fastify: FastifyInstance): void =>
  dialects.forEach((dialect) => dialect.prepare?.(fastify));

/** @returns undefined where no dialect rewrites anything */
export function rewriterOf(dialects: readonly Dialect[]): ((url: string) => string) | undefined {
  const rewriters = dialects.flatMap(({ rewriteUrl }) => rewriteUrl ?? []);
  if (rewriters.length === 0) return undefined;
  return (url) => rewriters.reduce((rewritten, rewrite) => rewrite(rewritten), url);
}
