import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { nameResolver } from '@hub/platform/resolve-name.js';

/** Addresses of the name that was asked for, a name it stands for with the addresses of that, or a refusal. */
export type NameAnswer =
  | readonly string[]
  | { readonly cname: string; readonly addresses: readonly string[] }
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'silence';

type Script = (question: { readonly type: 'A' | 'AAAA'; readonly nth: number }) => NameAnswer;

const CODES = { NXDOMAIN: 3, SERVFAIL: 2 };
const TYPES = { A: 1, CNAME: 5, AAAA: 28 };

/** A name server that lies as told. From `start` to `stop` the product in this process asks it and nobody else. */
export class NameServer {
  /** Questions so far, as `name type`. */
  readonly questions: string[] = [];
  private readonly scripts = new Map<string, Script>();
  private readonly before = nameResolver.getServers();

  private constructor(private readonly socket: Socket) {}

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4');
    const server = new NameServer(socket);
    socket.on('message', (message, from) => server.answer(message, from));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    nameResolver.setServers([`127.0.0.1:${socket.address().port}`]);
    return server;
  }

  /** @param script is asked with the number, from 1, of the question for this name and type */
  name(name: string, script: NameAnswer | Script): void {
    this.scripts.set(name, typeof script === 'function' ? script : () => script);
  }

  asked(name: string): number {
    return this.questions.filter((question) => question.startsWith(`${name} `)).length;
  }

  async stop(): Promise<void> {
    nameResolver.cancel();
    await new Promise((resolve) => setImmediate(resolve));
    nameResolver.setServers(this.before);
    this.socket.close();
  }

  private answer(message: Buffer, from: RemoteInfo): void {
    const labels: string[] = [];
    let at = 12;
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.');
    const type = message.readUInt16BE(at + 1) === TYPES.AAAA ? 'AAAA' : 'A';
    this.questions.push(`${name} ${type}`);
    const nth = this.questions.filter((question) => question === `${name} ${type}`).length;
    const answer = this.scripts.get(name)?.({ type, nth }) ?? 'NXDOMAIN';
    if (answer === 'silence') return;
    const records = typeof answer === 'string' ? [] : recordsOf(name, type, answer);
    const header = Buffer.alloc(12);
    message.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? CODES[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    this.socket.send(Buffer.concat([header, message.subarray(12, at + 5), ...records]), from.port, from.address);
  }
}

function recordsOf(name: string, type: 'A' | 'AAAA', answer: Exclude<NameAnswer, string>): Buffer[] {
  const [owner, addresses] = 'cname' in answer ? [answer.cname, answer.addresses] : [name, answer];
  const fitting = addresses.filter((address) => isIPv4(address) === (type === 'A'));
  const found = fitting.map((address) => record(owner, type, Buffer.from(ipaddr.parse(address).toByteArray())));
  return 'cname' in answer ? [record(name, 'CNAME', encoded(answer.cname)), ...found] : found;
}

function record(name: string, type: keyof typeof TYPES, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10); // type, class IN, no time to live, length
  fixed.writeUInt16BE(TYPES[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encoded(name), fixed, data]);
}

const encoded = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)]);
