import multipart from '@fastify/multipart';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyContextConfig } from 'fastify';

interface UploadConfig extends FastifyContextConfig {
  readonly multipart?: boolean;
}

/** The configuration of a route that reads `multipart/form-data`, as a stream of parts (`request.parts()`). */
export const MULTIPART: UploadConfig = { multipart: true };

/** Lets routes that are {@link MULTIPART} read uploads; every other refuses them. The limit of other bodies stays what it is. */
export async function acceptUploads(app: NestFastifyApplication): Promise<void> {
  await app.register(multipart, { throwFileSizeLimit: false });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      const isMultipart = /^\s*multipart\//i.test(request.headers['content-type'] ?? '');
      const config: UploadConfig = request.routeOptions.config;
      const isRefused = isMultipart && !config.multipart && !request.is404;
      done(isRefused ? Object.assign(new Error('multipart is not for this route'), { statusCode: 415 }) : undefined);
    });
}
