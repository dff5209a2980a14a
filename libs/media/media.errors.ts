import { ConflictError, HubError, NotFoundError } from '@hub/platform/errors.js';

export class MediaNotFoundError extends NotFoundError {
  constructor() {
    super('RESOURCE_NOT_FOUND', 'File does not exist');
  }
}

export class FileTooLargeError extends HubError {
  constructor(maxBytes: number) {
    const message = `The file is larger than ${sizeInWords(maxBytes)}`;
    super('too_large', 'PAYLOAD_TOO_LARGE', message, [{ field: 'file', message }]);
  }
}

export class MediaInUseError extends ConflictError {
  constructor() {
    super('MEDIA_IN_USE', 'A message carries this file: it goes when the message is deleted');
  }
}

export class LinkExpiredError extends HubError {
  constructor() {
    super('forbidden', 'LINK_EXPIRED', 'This link has expired: ask for the file again to get a new one');
  }
}

function sizeInWords(bytes: number): string {
  const mebi = bytes / 1_048_576;
  return Number.isInteger(mebi) ? `${mebi} MiB` : `${bytes} bytes`;
}
