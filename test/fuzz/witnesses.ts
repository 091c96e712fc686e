import { setTimeout as sleep } from 'node:timers/promises';
import { enter, type Member } from '../support/member.ts';

export const HONEST_ROOM = 'honest people only';
/** Below the rate that one connection may say. */
const SAY_EVERY_MS = 80;
const WARM_MESSAGES = 12;
const SETTLE_LIMIT_MS = 20_000;
const LOOK_MS = 20;

/** Two honest clients, on the first and the last worker, who say something all the time. */
export interface Witnesses {
  /** What they were refused, or did not hear, up to now. */
  wrong(): readonly string[];
  said(): number;
  /** So long that the process has settled. */
  warm(): Promise<void>;
  /** Says no more; answers what was wrong in the end. */
  settle(): Promise<readonly string[]>;
  close(): void;
}

export async function openWitnesses(urls: readonly string[]): Promise<Witnesses> {
  const [one, other] = [urls[0] as string, urls.at(-1) as string];
  const members = [await enter(one, HONEST_ROOM, 'Honest'), await enter(other, HONEST_ROOM, 'Upright')];
  const problems = new Set<string>();
  const acked = new Set<number>();
  let ending = false;

  for (const { socket, joined, hello } of members) {
    let expected = joined.seq + 1;
    socket.on('message', (message) => {
      if (message.event !== 'broadcast_say') return;
      if (message.seq !== expected) problems.add(`${hello.user.name} heard ${message.seq} for ${expected}`);
      expected = message.seq + 1;
    });
    socket.on('disconnect', (reason) => ending || problems.add(`${hello.user.name} was cut off: ${reason}`));
  }

  async function chat(member: Member): Promise<void> {
    for (let n = 0; !ending; n += 1) {
      const answer = await member.ask('say', { text: `${n}` }).catch((error: Error) => error.message);
      if (ending && typeof answer === 'string') return;
      if (typeof answer === 'string') problems.add(answer);
      else if (answer.ok) acked.add(answer.seq);
      else
        problems.add(`${member.hello.user.name} was refused: ${answer.error.code} ${answer.error.message}`);
      await sleep(SAY_EVERY_MS);
    }
  }
  const chats = members.map(chat);

  const missing = () =>
    members.flatMap(({ said, hello }) => {
      const heard = new Set(said.map(({ seq }) => seq));
      const missed = [...acked].filter((seq) => !heard.has(seq)).length;
      return missed > 0 ? [`${hello.user.name} never heard ${missed} messages`] : [];
    });

  function close(): void {
    ending = true;
    for (const member of members) member.close();
  }

  return {
    wrong: () => [...problems],
    said: () => acked.size,
    async warm() {
      while (acked.size < WARM_MESSAGES && problems.size === 0) await sleep(LOOK_MS);
    },
    async settle() {
      ending = true;
      await Promise.all(chats);
      const until = performance.now() + SETTLE_LIMIT_MS;
      while (missing().length > 0 && performance.now() < until) await sleep(LOOK_MS);
      return [...problems, ...missing()];
    },
    close,
  };
}
