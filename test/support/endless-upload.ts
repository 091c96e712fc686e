import { connect } from 'node:net';

/** What a server may take of it: what it throws away, and what fits into the system's buffers. */
export const MOST_UPLOADED_BYTES = 20 * 1024 * 1024;

/** Sends a body without an end; answers how much of it the server let in until it closed, and what it said. */
export function uploadWithoutEnd(port: number, head: string): Promise<{ heard: string; sentBytes: number }> {
  return new Promise((resolve) => {
    // It does not end because the server does.
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 'x'), Buffer.from('\r\n')]);
    let heard = '';
    let sentBytes = 0;
    const send = () => {
      if (socket.writable)
        socket.write(chunk, (error) => {
          if (error) return;
          sentBytes += chunk.length;
          send();
        });
    };
    // In one piece: the first bytes of the body travel with the headers.
    socket.write(Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), chunk]));
    send();
    socket.on('data', (data) => {
      heard += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ heard, sentBytes }));
  });
}
