import multipart from '@fastify/multipart';
import { RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyContextConfig } from 'fastify';

interface UploadConfig extends FastifyContextConfig {
  readonly multipart?: boolean;
}

/** On a route that reads `multipart/form-data`, as a stream of parts (`request.parts()`). Every other refuses it. */
export const AcceptsMultipart = (): MethodDecorator => RouteConfig({ multipart: true } satisfies UploadConfig);

/** Lets routes with {@link AcceptsMultipart} read uploads. The limit of other bodies stays what it is. */
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
