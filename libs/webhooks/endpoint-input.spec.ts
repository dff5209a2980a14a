import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import { checkConfig, checkEvents, checkHeaders, withDefaults } from './endpoint-input.js';

const problemsOf = (work: () => unknown): string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof ValidationError) return [error.code, ...error.details.map(({ field }) => field)];
    throw error;
  }
  return [];
};

describe('checkEvents', () => {
  it('takes exact names, groups and everything, each once', () => {
    expect(checkEvents(['message.sent', 'conversation.*', 'message.draft.*', '*', '*'])).toEqual([
      'message.sent',
      'conversation.*',
      'message.draft.*',
      '*',
    ]);
  });
  it.each([[[]], [['nothing.known']], [['conversation']], [['conv*']], [['*.created']]])('refuses %j', (events) => {
    expect(problemsOf(() => checkEvents(events))).toEqual(['INVALID_EVENTS', 'events']);
  });
});

describe('checkHeaders', () => {
  it('takes what HTTP takes', () =>
    expect(problemsOf(() => checkHeaders({ Authorization: 'Bearer x', 'X-Key': '' }))).toEqual([]));
  it.each([
    'Host',
    'connection',
    'Content-Length',
    'content-type',
    'Transfer-Encoding',
    'Cookie',
    'webhook-id',
    'Webhook-Signature',
    'X-Linktor-Signature',
    'User-Agent',
    'proxy-authorization',
    'Proxy-Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'trailers',
    'Upgrade',
    'Expect',
    'Age',
    'Cache-Control',
    'Clear-Site-Data',
    'Expires',
    'Pragma',
    'Warning',
    'Content-Encoding',
    'Content-Language',
    'Content-Location',
    'Accept-Encoding',
    'Forwarded',
    'X-Forwarded-For',
    'x-amz-date',
    'x-amzn-trace-id',
    'x-google-x',
    'x-goog-x',
    'x-gfe-x',
    'x-azure-x',
    'x-fd-x',
    'svix-id',
    'x-svix-id',
    'bad name',
    'bad\r\nname',
    '',
  ])('refuses the name %j', (name) => {
    expect(problemsOf(() => checkHeaders({ [name]: 'x' }))).toEqual(['VALIDATION_ERROR', `headers.${name}`]);
  });
  it.each(['a\r\nb', 'a\nb', 'a\rb', 'a\u0000b', 'a\u010ab', 'a\u2028b', '世界', 'x'.repeat(4_097)])(
    'refuses a value',
    (value) => {
      expect(problemsOf(() => checkHeaders({ 'x-a': value }))).toEqual(['VALIDATION_ERROR', 'headers.x-a']);
    },
  );
  it('refuses the same name twice and more than twenty', () => {
    expect(problemsOf(() => checkHeaders({ 'X-A': '1', 'x-a': '2' }))).toContain('headers.x-a');
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, '']));
    expect(problemsOf(() => checkHeaders(many))).toContain('headers');
  });
});

describe('checkConfig', () => {
  it('takes nothing, and everything in its bounds', () => {
    checkConfig({});
    checkConfig({ retryPolicy: 'custom', steps: [0, 5], maxRetries: 0, timeout: 30, ordering: 'strict' });
    expect(withDefaults({ timeout: 3 })).toEqual({
      retryPolicy: 'standard',
      timeout: 3,
      ordering: 'conversation',
      signature: 'standard',
      payload: 'full',
      concurrency: 10,
    });
    checkConfig({ rateLimit: 0.1, payload: 'thin', concurrency: 100, channelIds: ['x'], teamIds: ['x'] });
    checkConfig({ signature: 'linktor-docs' });
    checkConfig({ signature: ['standard', 'v1a', 'linktor-sdk'] });
  });
  it.each([
    [{ timeout: 0 }, 'config.timeout'],
    [{ timeout: 31 }, 'config.timeout'],
    [{ timeout: 1.5 }, 'config.timeout'],
    [{ maxRetries: -1 }, 'config.maxRetries'],
    [{ retryPolicy: 'custom' as const }, 'config.steps'],
    [{ retryPolicy: 'custom' as const, steps: [] }, 'config.steps'],
    [{ retryPolicy: 'custom' as const, steps: [-1] }, 'config.steps'],
    [{ retryPolicy: 'custom' as const, steps: [8 * 86_400] }, 'config.steps'],
    [{ steps: [1] }, 'config.steps'],
    [{ rateLimit: 0.09 }, 'config.rateLimit'],
    [{ rateLimit: 10_001 }, 'config.rateLimit'],
    [{ rateLimit: Number.NaN }, 'config.rateLimit'],
    [{ rateLimit: '5' }, 'config.rateLimit'],
    [{ payload: 'slim' }, 'config.payload'],
    [{ concurrency: 0 }, 'config.concurrency'],
    [{ concurrency: 101 }, 'config.concurrency'],
    [{ concurrency: 1.5 }, 'config.concurrency'],
    [{ channelIds: [] }, 'config.channelIds'],
    [{ channelIds: 'x' }, 'config.channelIds'],
    [{ teamIds: [] }, 'config.teamIds'],
    [{ teamIds: Array<string>(101).fill('x') }, 'config.teamIds'],
    [{ signature: 'v2' }, 'config.signature'],
    [{ signature: [] }, 'config.signature'],
    [{ signature: ['v1a', 'v1a'] }, 'config.signature'],
    [{ signature: ['v1a', 5] }, 'config.signature'],
    [{ signature: {} }, 'config.signature'],
    [{ signature: 5 }, 'config.signature'],
    [{ signature: ['linktor-docs', 'linktor-sdk'] }, 'config.signature'],
  ])('refuses %j', (config, field) => {
    expect(problemsOf(() => checkConfig(config as EndpointConfig))).toEqual(['VALIDATION_ERROR', field]);
  });
});
