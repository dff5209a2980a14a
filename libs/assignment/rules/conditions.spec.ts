import { checkConditions } from './check-conditions.js';
import { matches, type Facts } from './conditions.js';

const FACTS: Facts = {
  channelId: 'c1',
  channelType: 'whatsapp',
  contact: {
    name: 'Ann',
    email: 'Ann@Example.com',
    phone: '+5511',
    externalId: null,
    metadata: { plan: 'Gold', orders: 12, since: '2020', beta: true, deep: { a: 1 } },
    tags: ['vip'],
  },
  tags: ['Billing', 'late'],
  priority: 'high',
  status: 'open',
  subject: 'My invoice',
  metadata: { language: 'pt-BR' },
  assignee: 'user:u1',
  messageText: 'Where is my ORDER?',
};
const NOW = new Date('2026-03-02T10:00:00Z'); // a Monday

const holds = (field: string, operator: string, value?: unknown, facts: Facts = FACTS): boolean =>
  matches(checkConditions([{ field, operator, ...(value !== undefined && { value }) }]), facts, NOW);

describe('conditions', () => {
  it.each([
    ['channelType', 'eq', 'whatsapp'],
    ['channelType', 'notIn', ['sms', 'email']],
    ['channelId', 'in', ['c1', 'c2']],
    ['contact.email', 'eq', 'ann@example.COM'],
    ['contact.phone', 'startsWith', '+55'],
    ['contact.externalId', 'exists', false],
    ['contact.tags', 'contains', 'VIP'],
    ['contact.metadata.plan', 'eq', 'gold'],
    ['contact.metadata.orders', 'gt', 11],
    ['contact.metadata.since', 'lt', 2021],
    ['contact.metadata.beta', 'eq', true],
    ['contact.metadata.deep', 'exists', false],
    ['tags', 'contains', 'billing'],
    ['tags', 'in', ['x', 'late']],
    ['tags', 'notIn', ['x']],
    ['language', 'startsWith', 'PT'],
    ['priority', 'gt', 'normal'],
    ['priority', 'lt', 'urgent'],
    ['subject', 'contains', 'INVOICE'],
    ['subject', 'ne', 'Your invoice'],
    ['message.text', 'contains', 'order'],
    ['assignee', 'exists', undefined],
    ['assignee', 'ne', 'user:u2'],
  ])('hold: %s %s %j', (field, operator, value) => {
    expect(holds(field, operator, value)).toBe(true);
  });

  it.each([
    ['channelType', 'eq', 'sms'],
    ['contact.externalId', 'eq', ''],
    ['contact.metadata.orders', 'gt', 12],
    ['contact.metadata.plan', 'gt', 1],
    ['contact.metadata.nothing', 'eq', 'null'],
    ['tags', 'contains', 'bill'],
    ['priority', 'gt', 'high'],
    ['subject', 'startsWith', 'invoice'],
    ['assignee', 'exists', false],
  ])('do not hold: %s %s %j', (field, operator, value) => {
    expect(holds(field, operator, value)).toBe(false);
  });

  it('take the language of the contact where the conversation has none', () => {
    const contact = { ...(FACTS.contact as NonNullable<Facts['contact']>), metadata: { language: 'de' } };
    expect(holds('language', 'eq', 'de', { ...FACTS, metadata: {}, contact })).toBe(true);
  });

  it('know nothing of a contact that is not there', () => {
    expect(holds('contact.email', 'exists', true, { ...FACTS, contact: null })).toBe(false);
    expect(holds('contact.metadata.plan', 'ne', 'gold', { ...FACTS, contact: null })).toBe(true);
  });

  it('ask the clock', () => {
    const businessHours = { timezone: 'UTC', weekly: [{ days: [1], from: '09:00', to: '11:00' }] };
    expect(holds('hours', 'eq', { state: 'open', businessHours })).toBe(true);
    expect(holds('hours', 'ne', { state: 'closed', businessHours })).toBe(true);
    expect(holds('hours', 'eq', { state: 'closed', businessHours })).toBe(false);
  });

  it('hold together or not at all; none at all always do', () => {
    const one = { field: 'tags', operator: 'contains', value: 'late' };
    const other = { field: 'priority', operator: 'eq', value: 'low' };
    expect(matches(checkConditions([one, other]), FACTS, NOW)).toBe(false);
    expect(matches([], FACTS, NOW)).toBe(true);
  });

  it.each([
    ['conditions.0.field', { field: 'contact.metadata.', operator: 'eq', value: 1 }],
    ['conditions.0.field', { field: 'toString', operator: 'eq', value: 1 }],
    ['conditions.0.operator', { field: 'tags', operator: 'eq', value: 'a' }],
    ['conditions.0.operator', { field: 'tags', operator: 'matches', value: 'a' }],
    ['conditions.0.value', { field: 'subject', operator: 'contains' }],
    ['conditions.0.value', { field: 'subject', operator: 'in', value: 'a' }],
    ['conditions.0.value', { field: 'subject', operator: 'eq', value: { a: 1 } }],
    ['conditions.0.value', { field: 'contact.metadata.n', operator: 'gt', value: '5' }],
    ['conditions.0.value', { field: 'tags', operator: 'exists', value: 'yes' }],
    ['conditions.0.value', { field: 'priority', operator: 'gt', value: 'extreme' }],
  ])('are refused naming %s', (field, condition) => {
    expect(() => checkConditions([condition])).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ field })] }),
    );
  });
});
