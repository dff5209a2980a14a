import net from 'node:net';
import { eventually } from './harness.js';

export interface ReceivedMail {
  readonly to: string;
  readonly text: string;
}

/** A mail server that takes everything and sends nothing on. */
export interface Mailbox {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** The next mail to `to` that nobody has read yet. */
  next(to: string): Promise<ReceivedMail>;
  stop(): Promise<void>;
}

export async function startMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const read = new Set<ReceivedMail>();
  const server = net.createServer((socket) => {
    let buffer = '';
    let to = '';
    let inData = false;
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    say('220 test');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      buffer += chunk.toString('utf8');
      for (;;) {
        const end = buffer.indexOf(inData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const piece = buffer.slice(0, end);
        buffer = buffer.slice(end + (inData ? 5 : 2));
        if (inData) {
          inData = false;
          mails.push({ to, text: decode(piece) });
          say('250 taken');
        } else if (/^RCPT/i.test(piece)) {
          to = /<([^>]*)>/.exec(piece)?.[1] ?? '';
          say('250 ok');
        } else if (/^DATA/i.test(piece)) {
          inData = true;
          say('354 go on');
        } else if (/^QUIT/i.test(piece)) {
          say('221 bye');
          socket.end();
        } else {
          say('250 ok');
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}?from=hub@example.com`,
    mails,
    next: async (to) => {
      const found = await eventually(() => mails.find((mail) => mail.to === to && !read.has(mail)), `a mail to ${to}`);
      read.add(found);
      return found;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Undoes quoted-printable. */
const decode = (text: string): string =>
  text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
