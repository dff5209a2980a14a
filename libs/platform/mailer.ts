import { createTransport } from 'nodemailer';
import type { Config } from './config.js';
import type { Logger } from './logger.js';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

const MAX_PENDING = 1_000;
const MAX_TRIES = 3;
const PAUSE_MS = 2_000;
const TIMEOUT_MS = 10_000;

/**
 * Mail out, behind the caller's back: whoever asks for a mail learns neither whether nor how fast it went. `SMTP_URL`
 * is `smtp://` or `smtps://` with `?from=` for the sender, or `log:`, which writes mails into the log (the embedded
 * default). Without it nothing is sent, and the log says so.
 */
export class Mailer {
  private readonly send: ((mail: Mail) => Promise<unknown>) | null;
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly config: Pick<Config, 'SMTP_URL' | 'PUBLIC_URL'>,
    private readonly logger: Logger,
  ) {
    this.send = this.transport();
  }

  /** Never throws and never waits. */
  post(mail: Mail): void {
    if (!this.send) {
      this.logger.warn({ to: mail.to, subject: mail.subject }, 'mail.not_sent: SMTP_URL is not set');
      return;
    }
    if (this.pending.size >= MAX_PENDING) {
      this.logger.error({ pending: this.pending.size }, 'mail.dropped');
      return;
    }
    const sending = this.attempt(mail).finally(() => this.pending.delete(sending));
    this.pending.add(sending);
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.pending);
  }

  private async attempt(mail: Mail): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.send?.(mail);
        this.logger.info({ subject: mail.subject, attempt }, 'mail.sent');
        return;
      } catch (error) {
        const { message } = error as Error;
        this.logger.warn({ subject: mail.subject, attempt, error: message }, 'mail.failed');
        if (attempt === MAX_TRIES) return;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt).unref());
      }
    }
  }

  private transport(): ((mail: Mail) => Promise<unknown>) | null {
    const { SMTP_URL, PUBLIC_URL } = this.config;
    if (!SMTP_URL) return null;
    if (SMTP_URL.startsWith('log:')) {
      return async (mail) => this.logger.warn({ to: mail.to, text: mail.text }, `mail.logged: ${mail.subject}`);
    }
    const url = new URL(SMTP_URL);
    const host = PUBLIC_URL ? new URL(PUBLIC_URL).hostname : 'localhost';
    const from = url.searchParams.get('from') ?? `switchboard@${host}`;
    url.searchParams.delete('from');
    const timeouts = { connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS };
    const smtp = createTransport({ url: url.href, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
    return (mail) => smtp.sendMail({ from, ...mail });
  }
}
