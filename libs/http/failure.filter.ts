import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { failureOf } from './failure.js';
import { Wordings } from './wording.js';

/** Answers every failure of every route, and of none: an unknown address, a body that cannot be read. */
@Catch()
@Injectable()
export class FailureFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly wordings: Wordings,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const failure = failureOf(error);
    if (failure.status >= 500) {
      const { id, method, url } = request;
      const stack = error instanceof Error ? error.stack : String(error);
      this.logger.error(
        { requestId: id, method, path: url.split('?')[0], code: failure.code, stack },
        'request.failed',
      );
    }
    this.wordings.answer(failure, request, http.getResponse<FastifyReply>());
  }
}
