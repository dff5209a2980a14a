import { createConfig, lintFromString } from '@redocly/openapi-core';
import { documentPath } from '@hub/http/document.js';
import { DIALECTS } from '../../apps/api/dialects.js';
import { startHub, type Hub } from '../support/harness.js';

/** Redocly's recommended rules, but for what a document of ours does on purpose. */
const RULES = {
  // what webhooks deliver is described although no route answers it
  'no-unused-components': 'off',
} as const;

/** What the contract itself has, and no document of ours can change. */
const THEIRS: Readonly<Record<string, readonly string[]>> = {
  'ticket-desk': ['no-ambiguous-paths at #/paths/~1conversation~1ticket~1{id}:'],
};

/** Every document as it is served. */
describe('the OpenAPI document', () => {
  let hub: Hub;

  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  /** What is wrong with a document, and where. */
  async function problemsOf(document: string): Promise<string[]> {
    const config = await createConfig({ extends: ['recommended'], rules: RULES });
    const problems = await lintFromString({ source: document, absoluteRef: 'openapi.json', config });
    return problems.map(({ ruleId, message, location }) => `${ruleId} at ${location[0]?.pointer}: ${message}`);
  }

  it.each(DIALECTS)('of $name breaks no rule', async (dialect) => {
    const response = await fetch(hub.url + documentPath(DIALECTS, dialect));
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const text = await response.text();
    expect(Object.keys((JSON.parse(text) as { paths: object }).paths).length).toBeGreaterThan(0);
    const ours = (await problemsOf(text)).filter(
      (problem) => !THEIRS[dialect.name]?.some((known) => problem.startsWith(known)),
    );
    expect(ours).toEqual([]);
  });

  it('would not pass with a path parameter that is not described', async () => {
    const broken = {
      openapi: '3.1.0',
      info: { title: 'Broken', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: '/' }],
      security: [],
      paths: { '/x/{id}': { get: { operationId: 'x', summary: 'x', responses: { 200: { description: 'x' } } } } },
    };
    const found = await problemsOf(JSON.stringify(broken));
    expect(found.join('\n')).toContain('path-parameters-defined');
  });
});
