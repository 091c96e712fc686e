import { Decoder, type Packet, PacketType } from 'socket.io-parser';
import { eventHeadOf, IncomingPacket } from './incoming-packet.ts';

/** `BINARY_EVENT` and `BINARY_ACK` of the Socket.IO protocol. */
const BINARY_TYPES = new Set(['5', '6']);

/** The same names as in socket.io-parser. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/**
 * Decodes text packets and refuses binary ones: Socket.IO closes the connection when `add` throws. No event carries binary
 * data, and the stock decoder keeps the parsed JSON of a binary packet until its attachments arrive: 276 connections that never
 * sent theirs exhausted the memory of a worker.
 *
 * The decoder appends the `IncomingPacket` to the arguments of an event. It reads only the name of a refused event.
 */
export class TextOnlyDecoder extends Decoder {
  private packet: IncomingPacket | undefined;

  constructor() {
    super();
    // This listener runs before Socket.IO's own.
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

  /** Drops refused packets that are not events: nobody waits for their answer. */
  private addHead(text: string): void {
    const head = eventHeadOf(text);
    if (!head) return;
    const { nsp, id, name } = head;
    // Socket.IO emits these names itself: a client's `disconnect` event would leave an untracked connection behind.
    if (RESERVED.has(name)) throw new Error('invalid payload');
    this.emitReserved('decoded', {
      type: PacketType.EVENT,
      nsp,
      data: [name],
      ...(id === undefined ? {} : { id }),
    });
  }
}

/** Called with the decoder as `this`: one function for all connections saves a closure for each. */
function addPacket(this: TextOnlyDecoder, decoded: Packet): void {
  const packet = this.takePacket();
  if (packet && decoded.type === PacketType.EVENT && Array.isArray(decoded.data)) decoded.data.push(packet);
}
