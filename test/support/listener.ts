import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A bare TCP server that counts who comes, and says what it is told to whoever has said something. */
export class Listener {
  connections = 0;
  /** Bytes that the system took off our hands. */
  pushed = 0;
  readonly heard: string[] = [];
  readonly open = new Set<Socket>();
  private talk: (socket: Socket, heard: string) => void = () => undefined;

  private constructor(private readonly server: Server) {}

  /** @param port 0 for any that is free */
  static async start(address = '127.0.0.1', port = 0): Promise<Listener> {
    const server = createServer({ noDelay: true });
    const listener = new Listener(server);
    server.on('connection', (socket) => {
      listener.connections += 1;
      listener.open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        listener.open.delete(socket);
        listener.pushed += socket.bytesWritten - socket.writableLength;
      });
      socket.on('data', (data) => {
        const heard = data.toString('latin1');
        listener.heard.push(heard);
        listener.talk(socket, heard);
      });
    });
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    return listener;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  says(talk: string | ((socket: Socket, heard: string) => void)): this {
    this.talk = typeof talk === 'string' ? (socket) => socket.write(talk) : talk;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Writes `piece` again and again, as fast as it is taken. */
export function flood(socket: Socket, piece: string): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(piece, 'latin1'));
  };
  socket.on('drain', write);
  write();
}

/** Writes `piece` every so many milliseconds. */
export function drip(socket: Socket, piece: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.on('close', () => clearInterval(timer));
}
