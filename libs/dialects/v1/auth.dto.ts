import { Flag, OneOf, Text } from '@hub/platform/dto.js';
import { EMAIL, PASSWORD } from './v1.dto.js';

const TOKEN = { max: 200 };

export class RegisterBody {
  @Text(EMAIL) email: string;
  @Text(PASSWORD) password: string;
  @Text() name: string;
  @Text() organizationName: string;
}

export class LoginBody {
  @Text({ max: 320 }) email: string;
  @Text({ max: PASSWORD.max }) password: string;
  @Flag({ optional: true, default: false, description: '30 days instead of 7' }) rememberMe = false;
  @OneOf(['cookie'], { optional: true, description: 'Also sets the HttpOnly cookie `connect.sid`' }) session?: 'cookie';
}

export class RefreshBody {
  @Text(TOKEN) refreshToken: string;
}

export class LogoutBody {
  @Text({ ...TOKEN, min: 1, optional: true, description: "The session to end; the caller's own without it" })
  refreshToken?: string;
  @Flag({ optional: true, default: false, description: 'Every session of the user' }) allDevices = false;
}

export class ResetPasswordBody {
  @Text({ max: 320 }) email: string;
}

export class ConfirmPasswordBody {
  @Text({ ...TOKEN, description: 'From the mailed link' }) token: string;
  @Text(PASSWORD) password: string;
}

export class ChangePasswordBody {
  @Text({ max: PASSWORD.max }) currentPassword: string;
  @Text(PASSWORD) newPassword: string;
}
