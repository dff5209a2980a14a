import type { Rule } from '@hub/http/rule.js';
import type { Constructor, Schema } from '@hub/platform/dto.js';

/** What a route is: who may call it, what it takes, what it answers. The guard and the document both read it. */
export interface V1Rule extends Rule {
  readonly summary: string;
  readonly description?: string;
  readonly body?: Constructor;
  /** Whether the call works without a body, too. */
  readonly bodyOptional?: boolean;
  readonly query?: Constructor;
  /** The schema of a `multipart/form-data` body, which the route reads instead of JSON. */
  readonly upload?: Schema;
  /** 200 unless set; 204 answers nothing. */
  readonly status?: 200 | 201 | 204;
  /** Answered instead, in the same shape, when a repetition has changed nothing. */
  readonly again?: 200;
  /** Schemas of {@link V1_SCHEMAS} by name: of one resource, of a page, of a cursor's stretch, or of flat data. */
  readonly one?: string;
  readonly many?: string;
  readonly stretch?: string;
  readonly list?: string;
  readonly flat?: string;
  /** The schema of `meta` where it is more than the usual one. */
  readonly meta?: string;
  /** Codes beyond 401, 403 and, where there is input, VALIDATION_ERROR. */
  readonly errors?: readonly string[];
}
