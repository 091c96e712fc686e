import { Decoder, type Packet, PacketType } from 'socket.io-parser';
import { eventHeadOf, IncomingPacket } from './incoming-packet.ts';

/** `BINARY_EVENT` and `BINARY_ACK` of the Socket.IO protocol. */
const BINARY_TYPES = new Set(['5', '6']);

/** As socket.io-parser has them. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/**
 * Decodes clients' packets and refuses binary ones: Socket.IO closes the connection when `add` throws. No event carries binary
 * data, and the stock decoder keeps the parsed JSON of a binary packet until its attachments come: 276 connections that never
 * sent theirs, each kept alive by its pongs, ended a worker.
 *
 * An event gets its `IncomingPacket` as its last argument. Of one that was refused already only the name is read.
 */
export class PlainDecoder extends Decoder {
  private packet: IncomingPacket | undefined;

  constructor() {
    super();
    // Before Socket.IO's own listener.
    this.on('decoded', addPacket);
  }

  override add(packet: unknown): void {
    if (!(packet instanceof IncomingPacket) || BINARY_TYPES.has(packet.text.charAt(0))) {
      throw new Error('binary packets are not accepted');
    }
    const { text, refusal } = packet;
    packet.text = '';
    this.packet = packet;
    if (refusal) this.addHead(text);
    else super.add(text);
    this.packet = undefined;
  }

  takePacket(): IncomingPacket | undefined {
    const { packet } = this;
    this.packet = undefined;
    return packet;
  }

  /** Nobody hears of a refused packet that is no event: an answer to a question nobody asked, or a farewell. */
  private addHead(text: string): void {
    const head = eventHeadOf(text);
    if (!head) return;
    const { nsp, id, name } = head;
    // Socket.IO tells such of itself: a client's `disconnect` would leave a connection behind that nobody knows of.
    if (RESERVED.has(name)) throw new Error('invalid payload');
    this.emitReserved('decoded', {
      type: PacketType.EVENT,
      nsp,
      data: [name],
      ...(id === undefined ? {} : { id }),
    });
  }
}

/** Called on the decoder. One for all of them: a closure for each connection costs memory. */
function addPacket(this: PlainDecoder, decoded: Packet): void {
  const packet = this.takePacket();
  if (packet && decoded.type === PacketType.EVENT && Array.isArray(decoded.data)) decoded.data.push(packet);
}
