import { Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sessionCookie } from '@hub/http/credential.js';
import { CurrentActor, KnownActor, WireBody } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ApiKeysQueries } from '@hub/identity/api-keys.queries.js';
import { RecoveryService } from '@hub/identity/recovery.service.js';
import { SessionsService } from '@hub/identity/sessions.service.js';
import type { Device } from '@hub/identity/sessions.types.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import {
  ChangePasswordBody,
  ConfirmPasswordBody,
  LoginBody,
  LogoutBody,
  RefreshBody,
  RegisterBody,
  ResetPasswordBody,
} from './auth.dto.js';
import { accountResource, callingKeyResource, signedIn, tokensPart } from './auth.mapper.js';
import { flat, one, type Envelope } from './v1.envelope.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('auth', 'Identity')
export class AuthController {
  private readonly secure: boolean;

  constructor(
    private readonly sessions: SessionsService,
    private readonly recovery: RecoveryService,
    private readonly keys: ApiKeysQueries,
    @Inject(CONFIG) config: Config,
  ) {
    this.secure = config.PUBLIC_URL?.startsWith('https:') ?? false;
  }

  @Post('register')
  @Operation({
    scope: 'public',
    limit: 'login',
    summary: 'Register',
    description: 'Makes an organization and its owner, who is signed in at once.',
    body: RegisterBody,
    status: 201,
    one: 'Account',
    meta: 'AccountMeta',
    errors: ['EMAIL_ALREADY_EXISTS', 'RATE_LIMIT_EXCEEDED'],
  })
  async register(@WireBody(RegisterBody) body: RegisterBody, @Req() request: FastifyRequest): Promise<Envelope> {
    return signedIn(await this.sessions.register({ ...body, device: deviceOf(request) }));
  }

  @Post('login')
  @Operation({
    scope: 'public',
    limit: 'login',
    summary: 'Sign in',
    description: 'Five wrong passwords lock the email for 15 minutes, whether anybody has it or not.',
    body: LoginBody,
    one: 'Account',
    meta: 'AccountMeta',
    errors: ['INVALID_CREDENTIALS', 'ACCOUNT_LOCKED', 'RATE_LIMIT_EXCEEDED'],
  })
  async login(
    @WireBody(LoginBody) { email, password, rememberMe, session }: LoginBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Envelope> {
    const command = { email, password, rememberMe, cookie: session === 'cookie', device: deviceOf(request) };
    const opened = await this.sessions.login(command);
    if (opened.cookie) reply.header('set-cookie', sessionCookie(opened.cookie, this.secure));
    return signedIn(opened);
  }

  @Post('refresh')
  @Operation({
    scope: 'public',
    limit: 'login',
    summary: 'Get the next tokens',
    description: 'A refresh token works once: the same one again ends the session with all its tokens.',
    body: RefreshBody,
    flat: 'Tokens',
    errors: ['INVALID_REFRESH_TOKEN', 'TOKEN_REVOKED'],
  })
  async refresh(@WireBody(RefreshBody) { refreshToken }: RefreshBody): Promise<Envelope> {
    return flat(tokensPart(await this.sessions.refresh(refreshToken)));
  }

  @Post('logout')
  @Operation({
    scope: 'public',
    limit: 'login',
    identify: true,
    summary: 'Sign out',
    description: 'Ends the session of the refresh token or of the access token.',
    body: LogoutBody,
    bodyOptional: true,
    flat: 'Told',
    errors: ['AUTHENTICATION_REQUIRED', 'INVALID_REFRESH_TOKEN', 'INSUFFICIENT_PERMISSIONS'],
  })
  async logout(
    @KnownActor() actor: Actor | null,
    @WireBody(LogoutBody) body: LogoutBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Envelope> {
    await this.sessions.logout(actor, body);
    reply.header('set-cookie', sessionCookie(null, this.secure));
    return flat({ message: body.allDevices ? 'Signed out everywhere' : 'Signed out' });
  }

  @Get('me')
  @Operation({ scope: 'authenticated', summary: 'Who am I', one: 'Me' })
  async me(@CurrentActor() { organizationId, principal }: Actor): Promise<Envelope> {
    const id = principal.id ?? '';
    if (principal.type === 'user') return one(accountResource(await this.sessions.account(organizationId, id)));
    const [key, organization] = await Promise.all([
      this.keys.getApiKey(organizationId, id),
      this.sessions.organization(organizationId),
    ]);
    return one(callingKeyResource(key, organization));
  }

  @Post('password/reset')
  @Operation({
    scope: 'public',
    limit: 'login',
    summary: 'Ask for a new password',
    description: 'Mails a link. The answer is the same whether anybody has the email or not.',
    body: ResetPasswordBody,
    flat: 'Told',
  })
  resetPassword(@WireBody(ResetPasswordBody) { email }: ResetPasswordBody): Envelope {
    this.recovery.requestReset(email);
    return flat({ message: 'If somebody has this email, a link is on its way' });
  }

  @Post('password/confirm')
  @Operation({
    scope: 'public',
    limit: 'login',
    summary: 'Set a password',
    description: 'By the token of a mailed link, once: a reset within an hour, an invitation within a week.',
    body: ConfirmPasswordBody,
    flat: 'Told',
    errors: ['INVALID_RESET_TOKEN', 'EMAIL_ALREADY_EXISTS', 'RATE_LIMIT_EXCEEDED'],
  })
  async confirmPassword(@WireBody(ConfirmPasswordBody) { token, password }: ConfirmPasswordBody): Promise<Envelope> {
    await this.recovery.confirm(token, password);
    return flat({ message: 'The password is set: sign in with it' });
  }

  @Post('password/change')
  @Operation({
    scope: 'authenticated',
    summary: 'Change the own password',
    description: 'Ends every other session of the user.',
    body: ChangePasswordBody,
    flat: 'Told',
    errors: ['INVALID_CREDENTIALS', 'ACCOUNT_LOCKED', 'RATE_LIMIT_EXCEEDED'],
  })
  async changePassword(
    @CurrentActor() actor: Actor,
    @WireBody(ChangePasswordBody) { currentPassword, newPassword }: ChangePasswordBody,
  ): Promise<Envelope> {
    await this.recovery.change(actor, currentPassword, newPassword);
    return flat({ message: 'The password is changed' });
  }
}

const deviceOf = ({ ip, headers }: FastifyRequest): Device => ({
  address: ip,
  userAgent: headers['user-agent'] ?? null,
});
