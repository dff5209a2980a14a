import type { Dialect } from '@hub/http/dialect.js';
import { pactRewriteUrl, readPactBodies } from './pact.body.js';
import { PactModule } from './pact.module.js';
import { pactDocument } from './pact.openapi.js';
import { PACT_WORDING } from './pact.wording.js';

/** For clients of Pact's API, version p1: at `/p1/companies/<COMPANY_ID>/conversations`. */
export const PACT: Dialect = {
  name: 'pact',
  module: PactModule,
  wording: PACT_WORDING,
  document: pactDocument,
  prepare: readPactBodies,
  rewriteUrl: pactRewriteUrl,
};
