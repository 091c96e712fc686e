import { Decoder } from 'socket.io-parser';

/** `BINARY_EVENT` and `BINARY_ACK` of the Socket.IO protocol. */
const BINARY_TYPES = new Set(['5', '6']);

/**
 * Decodes Socket.IO packets of clients, all but binary ones. Nothing here uses those, and Socket.IO's own decoder keeps the
 * parsed JSON of one until its attachments come: 276 connections that never sent theirs, each kept alive by its pongs, ended
 * a worker. What `add` throws closes the connection.
 */
export class PlainDecoder extends Decoder {
  override add(packet: unknown): void {
    if (typeof packet !== 'string' || BINARY_TYPES.has(packet.charAt(0))) {
      throw new Error('binary packets are not accepted');
    }
    super.add(packet);
  }
}
