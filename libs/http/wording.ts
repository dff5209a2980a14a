import type { FastifyReply, FastifyRequest } from 'fastify';
import { failureOf, type Failure } from './failure.js';
import { pathOf } from './request.js';

/** The request that has failed, as far as it is known. */
export interface FailedRequest {
  readonly id: string;
  /** Without its query; '' where nothing that came in was a request. */
  readonly path: string;
}

/** A failure in the words of one dialect. */
export interface Worded {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a dialect words whatever goes wrong at its addresses: what a command refuses, and what no route ever saw. */
export interface Wording {
  /** Whether an address, without its query, is this dialect's. */
  owns(path: string): boolean;
  /** Never throws, for no failure. */
  word(failure: Failure, request: FailedRequest): Worded;
}

/** For {@link Wording.owns}: these addresses, and all below them. */
export const under =
  (...prefixes: readonly string[]) =>
  (path: string): boolean =>
    prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));

interface Speaker {
  readonly wording: Wording;
}

/** The wordings of all dialects; the first one words what is nobody's, too. */
export class Wordings {
  private readonly all: readonly Wording[];
  private readonly first: Wording;

  constructor([first, ...others]: readonly [Speaker, ...Speaker[]]) {
    this.first = first.wording;
    this.all = [first, ...others].map(({ wording }) => wording);
  }

  of(path: string): Wording {
    return this.all.find((wording) => wording.owns(path)) ?? this.first;
  }

  /** Answers with the words of the dialect whose address it is. */
  answer(failure: Failure, request: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(request);
    const { status, body, headers = {} } = this.of(path).word(failure, { id: request.id, path });
    if (failure.retryAfter) reply.header('retry-after', String(failure.retryAfter));
    void reply.headers(headers).status(status).send(body);
  }

  /** The body of an answer to what is no HTTP request. */
  unread(status: number, requestId: string): object {
    return this.first.word(failureOf({ statusCode: status }), { id: requestId, path: '' }).body;
  }
}
