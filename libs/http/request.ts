import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '@hub/identity/actor.js';
import { parse, type Constructor } from '@hub/platform/dto.js';
import { assertStorable } from '@hub/platform/json-guard.js';

/** A request, and who sends it once the gate has let them in. */
export type ActorRequest = FastifyRequest & { actor?: Actor };

export const requestOf = (context: ExecutionContext): ActorRequest => context.switchToHttp().getRequest<ActorRequest>();

/** The address of a request without its query: as the route declares it, else, where there is none, as it was sent. */
export const pathOf = ({ routeOptions, url }: FastifyRequest): string => routeOptions.url ?? url.split('?')[0] ?? '';

/** The body, checked against a DTO; none at all counts as an empty one. */
export const WireBody = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { body } = requestOf(context);
  assertStorable(body);
  return parse(type, body === undefined ? {} : body);
});

/** The query string, checked against a DTO. */
export const WireQuery = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { query } = requestOf(context);
  assertStorable(query);
  return parse(type, query, 'query');
});

/** Who calls a public route that identifies its callers; null: somebody unknown. */
export const KnownActor = createParamDecorator(
  (_: unknown, context: ExecutionContext): Actor | null => requestOf(context).actor ?? null,
);

/** Whoever the gate has let in. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = requestOf(context);
  if (!actor) throw new Error('CurrentActor is for routes behind the gate');
  return actor;
});

/** Whom a request's log line names; nobody before the gate has let them in. */
export const callerOf = ({ actor }: ActorRequest): Record<string, string | null> =>
  actor ? { organization: actor.organizationId, principal: `${actor.principal.type}:${actor.principal.id}` } : {};
