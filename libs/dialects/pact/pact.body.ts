import { parse as parseForm } from 'node:querystring';
import type { FastifyInstance } from 'fastify';
import { isPactPath } from './pact.wording.js';

const JSON_TYPE = /^application\/json\b/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\b/i;
/** What the bodies of this contract are read as, whatever their label says; nobody else may send it. */
const BODY_TYPE = 'application/x-pact-fields';

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Slashes that are doubled or trail, as Pact's clients send them, do not count. */
export function pactRewriteUrl(url: string): string {
  const path = pathOf(url);
  const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  return isPactPath(plain) ? plain + url.slice(path.length) : url;
}

/**
 * Reads forms and JSON at this contract's addresses, also a form that is labelled as JSON or as nothing. Elsewhere
 * nothing changes.
 */
export function readPactBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const label = request.headers['content-type'] ?? '';
    const isOurs = isPactPath(pathOf(request.url));
    if (isOurs && (label === '' || JSON_TYPE.test(label) || FORM_TYPE.test(label))) {
      request.headers = { 'content-type': BODY_TYPE };
    } else if (label.startsWith(BODY_TYPE)) {
      done(Object.assign(new Error('No such content type'), { statusCode: 415 }));
      return;
    }
    done();
  });
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.addContentTypeParser(BODY_TYPE, { parseAs: 'string' }, (request, body, done) => {
    const text = String(body).trim();
    if (text === '') done(null, undefined);
    else if (isForm(text, request.raw.headers['content-type'] ?? '')) done(null, parseForm(text));
    else void parseJson(request, text, done);
  });
}

/** Whatever looks like JSON is none; neither is what is labelled as JSON and has no field. */
const isForm = (text: string, label: string): boolean =>
  !/^[[{"]/.test(text) && (FORM_TYPE.test(label) || text.includes('='));
