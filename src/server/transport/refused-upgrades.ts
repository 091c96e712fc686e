import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closeAfterResponse } from '../../cluster/lingering-close.ts';

export const UPGRADE_NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
export const UPGRADE_WITH_BODY = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** Node leaves the socket of an upgrade to its handler. A socket that is only ended stays open as long as its client likes. */
export function refuseUpgrade(socket: Duplex, answer: string): void {
  socket.write(answer);
  closeAfterResponse(socket as Socket, socket as Socket);
}

/**
 * Node takes the body of an upgrade for the first bytes of the new protocol, and a proxy in front does not. They would disagree on
 * where the next request begins.
 */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  return encoding !== undefined || Number(length) !== 0;
}
