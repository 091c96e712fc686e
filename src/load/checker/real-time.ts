import type { Epochs } from './epochs.ts';
import type { Message, Place } from './messages.ts';
import type { Findings } from './verdict.ts';

/**
 * A message invoked when another one was acked already stands behind it. One sweep over time with the highest
 * position acked so far, so n messages cost a sort and not n² pairs.
 */
export function checkRealTime(
  room: string,
  messages: readonly Message[],
  epochs: Epochs,
  skewMs: number,
  findings: Findings,
): void {
  const placed: Placed[] = [];
  for (const message of messages) {
    // A message lost with the store's tail and stored again by a retry stands where it was kept.
    const [first] = message.places;
    const place = message.places.find((one) => !epochs.isVoid(one)) ?? first;
    if (place) placed.push({ message, place });
  }
  const acked = placed.filter(
    (one): one is Placed & { message: { okAt: number } } => one.message.okAt !== undefined,
  );
  acked.sort((a, b) => a.message.okAt - b.message.okAt);
  placed.sort((a, b) => a.message.invokedAt - b.message.invokedAt);

  let highest: Placed | undefined;
  let next = 0;
  for (const { message, place } of placed) {
    const { id, invokedAt, sender: client, after } = message;
    const about = { room, client, epoch: place.epoch, seq: place.seq, id };
    for (let one = acked[next]; one && one.message.okAt + skewMs < invokedAt; next += 1, one = acked[next]) {
      if (!highest || epochs.compare(highest.place, one.place) < 0) highest = one;
    }
    if (after && !epochs.isVoid(after) && epochs.compare(after, place) > 0) {
      const detail = `its sender had ${after.seq} acked when it sent this`;
      findings.add({ ...about, kind: 'sender-order', detail });
    } else if (highest && epochs.compare(highest.place, place) > 0) {
      const detail = `${highest.message.id} was acked at ${highest.place.seq} before this was sent`;
      findings.add({ ...about, kind: 'real-time', detail });
    }
  }
}

interface Placed {
  readonly message: Message;
  readonly place: Place;
}
