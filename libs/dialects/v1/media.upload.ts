import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { requestOf, type ActorRequest } from '@hub/http/request.js';
import { FileTooLargeError } from '@hub/media/media.errors.js';
import { MediaService } from '@hub/media/media.service.js';
import type { Spooled } from '@hub/media/spool.js';
import { MEDIA_KINDS, type MediaKind } from '@hub/model/attachment.entity.js';
import { HubError, ValidationError } from '@hub/platform/errors.js';

/** What stands around the file in a form: boundaries, headers, fields. */
const OVERHEAD_BYTES = 65_536;
const DRAIN_MS = 2_000;
const LIMITS = { files: 2, fields: 10, parts: 12, fieldSize: 1_024, fieldNameSize: 100, headerPairs: 20 };

/** The form of an upload once it has come in: what the route has for a body. */
export class Upload {
  constructor(
    readonly file: Spooled,
    readonly name: string | undefined,
    readonly type: MediaKind | undefined,
  ) {}

  /** What makes two uploads the same request, under an Idempotency-Key: not how the form was written. */
  toJSON(): object {
    return { sha256: this.file.sha256, size: this.file.size, name: this.name, type: this.type };
  }
}

/**
 * Takes the form of an upload in, to the end, once the caller has been let in: after it the request has a body, and the
 * idempotency keys see its content. The file is gone when the answer is out.
 */
@Injectable()
export class UploadGuard implements CanActivate {
  constructor(private readonly media: MediaService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    const upload = await this.read(request);
    request.body = upload;
    const { raw } = context.switchToHttp().getResponse<FastifyReply>();
    if (raw.destroyed) await this.media.discard(upload.file);
    else raw.once('close', () => void this.media.discard(upload.file));
    return true;
  }

  private async read(request: ActorRequest): Promise<Upload> {
    try {
      return await this.readForm(request);
    } catch (error) {
      const worded = wordFormError(error, request);
      this.media.countLost(isHangUp(request) ? 'aborted' : isRefusal(worded) ? 'refused' : 'failed');
      drain(request);
      throw worded;
    }
  }

  private async readForm(request: ActorRequest): Promise<Upload> {
    const { maxBytes } = this.media;
    if (!request.isMultipart()) throw new NoFormError();
    if (Number(request.headers['content-length']) > maxBytes + OVERHEAD_BYTES) throw new FileTooLargeError(maxBytes);
    let file: Spooled | undefined;
    let name: string | undefined;
    let type: unknown;
    try {
      for await (const part of request.parts({ limits: { ...LIMITS, fileSize: maxBytes + 1 } })) {
        if (part.type === 'field') {
          if (part.fieldname === 'file') throw ValidationError.of('file', 'file must be a file, with a filename');
          if (part.fieldname === 'type') type = part.value;
          continue;
        }
        if (part.fieldname !== 'file') throw ValidationError.of(part.fieldname, 'The file goes into the part file');
        if (file) throw ValidationError.of('file', 'One file at a time');
        file = await this.media.receive(part.file);
        name = part.filename;
      }
      if (!file) throw ValidationError.of('file', 'file is required');
      return new Upload(file, name, kindOf(type));
    } catch (error) {
      if (file) await this.media.discard(file);
      throw error;
    }
  }
}

class NoFormError extends HubError {
  constructor() {
    const field = 'Content-Type';
    const details = [{ field, message: 'Content-Type must be multipart/form-data' }];
    super('unsupported_media', 'UNSUPPORTED_MEDIA_TYPE', 'Send the file as multipart/form-data', details);
  }
}

function kindOf(type: unknown): MediaKind | undefined {
  if (type === undefined || type === '') return undefined;
  const kind = MEDIA_KINDS.find((one) => one === type);
  if (!kind) throw ValidationError.of('type', `type must be one of ${MEDIA_KINDS.join(', ')}`);
  return kind;
}

const TOO_MUCH = new Set(['FST_PARTS_LIMIT', 'FST_FILES_LIMIT', 'FST_FIELDS_LIMIT']);

/** Whatever is no error of ours is the form's: it ends early, or is none. */
function wordFormError(error: unknown, request: ActorRequest): unknown {
  if (error instanceof HubError) return error;
  if (isHangUp(request)) return ValidationError.of('body', 'The upload broke off');
  const tooMuch = TOO_MUCH.has((error as { code?: string }).code ?? '');
  return ValidationError.of(
    'body',
    tooMuch ? 'The form has more parts than file and type' : 'The body is not valid multipart/form-data',
  );
}

/** A caller who is still sending gets to read the answer, and then has to end. */
function drain({ raw }: ActorRequest): void {
  if (raw.complete) return;
  raw.unpipe();
  raw.resume();
  const timer = setTimeout(() => raw.complete || raw.destroy(), DRAIN_MS).unref();
  raw.once('close', () => clearTimeout(timer));
}

const isHangUp = ({ raw }: ActorRequest): boolean => raw.destroyed && !raw.complete;

const isRefusal = (error: unknown): boolean => error instanceof HubError && error.kind !== 'unavailable';
