import type { Answer, ApiClient } from '../support/api-client.js';
import type { Hub } from '../support/harness.js';

export const PASSWORD = 'correct horse battery';

export interface Session {
  readonly email: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Acts with the access token. */
  readonly api: ApiClient;
}

let made = 0;
export const newEmail = (): string => `someone${process.pid}x${++made}@example.com`;

/** Acts as nobody. */
export const nobody = (hub: Hub): ApiClient => hub.as('');

export function sessionOf(hub: Hub, email: string, answer: Answer): Session {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  const { accessToken, refreshToken } = answer.meta as unknown as { accessToken: string; refreshToken: string };
  const { organization } = answer.data.relationships as unknown as { organization: { id: string } };
  return {
    email,
    userId: answer.data.id,
    organizationId: organization.id,
    accessToken,
    refreshToken,
    api: hub.as(accessToken),
  };
}

export const register = async (hub: Hub, email = newEmail(), fields: object = {}): Promise<Session> =>
  sessionOf(
    hub,
    email,
    await nobody(hub).post('/v1/auth/register', {
      email,
      password: PASSWORD,
      name: 'Ada',
      organizationName: 'Ada & Co',
      ...fields,
    }),
  );

export const login = (hub: Hub, email: string, password = PASSWORD, fields: object = {}): Promise<Answer> =>
  nobody(hub).post('/v1/auth/login', { email, password, ...fields });

export const signIn = async (hub: Hub, email: string, password = PASSWORD, fields: object = {}): Promise<Session> =>
  sessionOf(hub, email, await login(hub, email, password, fields));

/** A colleague with a role, signed in. */
export async function colleague(hub: Hub, owner: Session, role: string): Promise<Session> {
  const email = newEmail();
  const answer = await owner.api.post('/v1/users', { email, name: `The ${role}`, role, password: PASSWORD });
  if (answer.status !== 201) throw new Error(answer.text);
  return signIn(hub, email);
}

export const codeOf = (answer: Answer<unknown>): string => `${answer.status} ${answer.error?.code ?? ''}`.trim();
