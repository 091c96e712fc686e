import { randomUUID } from 'node:crypto';
import { roomOf } from '../../../src/chat/room.ts';
import { openPeer, openPrimary } from '../../contract/embedded-harness.ts';

/**
 * A primary that appends without end from 8 callers to 3 rooms and prints every message once it is acked:
 * `roomid seq id`. It first prints `ready`, or `refused` and why. Without a label it only owns the folder. To be killed.
 */
const [dataDir = '', label = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const primary = await openPrimary(dataDir, { historySize: 1_000_000 });
  const peer = await openPeer(primary);
  process.stdout.write('ready\n');
  // Nothing of an idle primary keeps its process running.
  if (label === '') {
    setInterval(() => {}, 60_000);
    return;
  }
  await Promise.all(
    Array.from({ length: 8 }, async (_, caller) => {
      for (;;) {
        const room = roomOf('/', `${label}-${caller % 3}`);
        const id = randomUUID();
        const dedupe = { scope: 'ann', clientMsgId: id };
        const members = `"roomid":"${room.roomid}","text":"${'x'.repeat(caller * 100)}"`;
        const outcome = await peer.logs.append(room, { id, members, dedupe });
        if (outcome.ok) process.stdout.write(`${room.roomid} ${outcome.value.seq} ${id}\n`);
      }
    }),
  );
}

main().catch((error: Error) => process.stdout.write(`refused ${error.message}\n`));
