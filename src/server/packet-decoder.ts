import { Decoder } from 'socket.io-parser';

/** `BINARY_EVENT` and `BINARY_ACK` of the Socket.IO protocol. */
const BINARY_TYPES = new Set(['5', '6']);

/**
 * Decodes clients' packets and refuses binary ones: Socket.IO closes the connection when `add` throws. No event carries binary
 * data, and the stock decoder keeps the parsed JSON of a binary packet until its attachments come: 276 connections that never
 * sent theirs, each kept alive by its pongs, ended a worker.
 */
export class PlainDecoder extends Decoder {
  override add(packet: unknown): void {
    if (typeof packet !== 'string' || BINARY_TYPES.has(packet.charAt(0))) {
      throw new Error('binary packets are not accepted');
    }
    super.add(packet);
  }
}
