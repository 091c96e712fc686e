import { createClient } from '../../src/client/index.ts';

/** Brings a client into a state, closes it, says so, and lets the process end by itself. */
const [url = '', when] = process.argv.slice(2);
const chat = createClient(url, { userId: 'ada', retryMinMs: 20_000, retryMaxMs: 20_000 });

function close(): void {
  chat.close();
  process.stdout.write('closed');
}

if (when === 'at once') {
  close();
} else if (when === 'offline') {
  chat.on('state', ({ state }) => state === 'offline' && close());
} else {
  const room = await chat.join('tea');
  if (when === 'saying') {
    void room.say('hi');
    const page = await room.history();
    if (page.top !== 0) throw new Error('the message was stored');
  }
  close();
}
