import type { Answer } from '../../support/api-client.js';
import { bodyOf, offer, type Driver, type Facts } from './driver.js';
import type { Life } from './world.js';

interface PactAnswer {
  readonly data: {
    readonly conversation: {
      readonly external_id: number;
      readonly name: string;
      readonly channel_type: string;
      readonly sender_external_id: string;
    };
  };
}

/** With the key in Pact's own header, and forms. */
function call({ world }: Life, method: string, below: string, form?: object): Promise<Answer<unknown>> {
  const raw = form && new URLSearchParams({ ...form }).toString();
  return world.key.call<unknown>(method, `/p1/companies/${world.company}/conversations${below}`, {
    ...(raw !== undefined && { raw }),
    headers: {
      authorization: '',
      'x-private-api-token': world.key.key,
      ...(raw !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
  });
}

async function facts(life: Life): Promise<Partial<Facts>> {
  const { conversation } = bodyOf<PactAnswer>(await call(life, 'GET', `/${life.conversation.number}`)).data;
  expect(conversation.external_id).toBe(life.conversation.number);
  const { name, channel_type: channel } = conversation;
  return life.kind === 'team' ? { channel, subject: name } : { channel, contact: name };
}

export const PACT_DRIVER: Driver = {
  name: 'pact',
  author: 'key',
  opening: {
    act: (life) => call(life, 'POST', '', { provider: 'whatsapp', phone: life.phone.slice(1) }),
    of: ['phone'],
    again: 'finds the first',
  },
  offers: {
    assign: offer((life, { number }) =>
      call(life, 'PUT', `/${life.conversation.number}/assign`, { assignee_id: String(number) }),
    ),
    unassign: offer((life) => call(life, 'PUT', `/${life.conversation.number}/assign`)),
  },
  shows: {
    ticket: ['channel', 'contact'],
    chat: ['channel', 'contact'],
    phone: ['channel', 'contact'],
    team: ['channel', 'subject'],
  },
  hears: [],
  because: 'its conversation has no status and no messages, and is called by its contact, else by its subject',
  facts,
};
