import type { Organization } from '@hub/model/organization.entity.js';
import type { User } from '@hub/model/user.entity.js';

/** Where a sign-in comes from; kept with its session. */
export interface Device {
  readonly address: string | null;
  readonly userAgent: string | null;
}

export interface Register {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly organizationName: string;
  readonly device: Device;
}

export interface Login {
  readonly email: string;
  readonly password: string;
  /** 30 days instead of 7. */
  readonly rememberMe: boolean;
  /** Whether the browser gets a cookie, too. */
  readonly cookie: boolean;
  readonly device: Device;
}

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token expires. */
  readonly expiresIn: number;
}

export interface Account {
  readonly user: User;
  readonly organization: Organization;
}

export interface SignedIn extends Account {
  readonly tokens: TokenPair;
  /** The cookie's value and when it ends, where one was wanted. */
  readonly cookie: { readonly value: string; readonly expiresAt: Date } | null;
}
