import { ConflictError, NotFoundError } from '@hub/platform/errors.js';

export class WebhookNotFoundError extends NotFoundError {
  constructor() {
    super('WEBHOOK_NOT_FOUND', 'Webhook does not exist');
  }
}

export class DeliveryNotFoundError extends NotFoundError {
  constructor() {
    super('DELIVERY_NOT_FOUND', 'Delivery does not exist');
  }
}

export class RecoveryNotFoundError extends NotFoundError {
  constructor() {
    super('RESOURCE_NOT_FOUND', 'Recovery does not exist');
  }
}

/** An attempt is under way at this moment; it ends within its time limit. */
export class DeliveryInProgressError extends ConflictError {
  constructor() {
    super('DELIVERY_IN_PROGRESS', 'An attempt of this delivery is under way');
  }
}
