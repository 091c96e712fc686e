import { setTimeout as pause } from 'node:timers/promises';
import { enter, type Member } from '../support/member.ts';

const ROOMS = 3;
/** Below the rate that one connection may say. */
const SAY_EVERY_MS = 80;
const HEARD_LIMIT_MS = 20_000;
const LOOK_MS = 20;

/** The messages of one phase. */
export interface Heard {
  /** The time from the `say` on one worker until the other member of the room, on another worker, has it. */
  readonly latenciesMs: readonly number[];
  /** The codes of what was refused. */
  readonly refused: readonly string[];
}

/** Honest clients in rooms of two, one on each worker, who talk all the time. */
export interface Innocents {
  /** Measures what they say in this time. Fails if some of it never arrives. */
  during(ms: number): Promise<Heard>;
  close(): void;
}

interface Phase {
  readonly latenciesMs: number[];
  readonly refused: string[];
  readonly saidAt: Map<string, number>;
}

/** They say something at fixed times: a client that waited for its ack would not measure while the server is slow. */
export async function openInnocents(urls: readonly string[]): Promise<Innocents> {
  const [one, other] = [urls[0] as string, urls.at(-1) as string];
  const members: Member[] = [];
  const timers: NodeJS.Timeout[] = [];
  /** The phase that measures what is said now, and the one whose messages are heard now. */
  let saying: Phase | undefined;
  let hearing: Phase | undefined;
  let said = 0;

  function say(member: Member): void {
    const during = saying;
    said += 1;
    const text = `${said}`;
    during?.saidAt.set(text, performance.now());
    void member
      .ask('say', { text })
      .then((ack) => {
        if (ack.ok) return;
        during?.saidAt.delete(text);
        during?.refused.push(ack.error.code);
      })
      // The end of the connection shows as a message that never arrives.
      .catch(() => undefined);
  }

  function hear(member: Member): void {
    member.socket.on('message', (message) => {
      if (message.event !== 'broadcast_say' || message.data.userId === member.hello.user.id) return;
      const { text } = message.data;
      const at = hearing?.saidAt.get(text);
      if (hearing === undefined || at === undefined) return;
      hearing.saidAt.delete(text);
      hearing.latenciesMs.push(performance.now() - at);
    });
  }

  for (let room = 0; room < ROOMS; room += 1) {
    for (const [index, url] of [one, other].entries())
      members.push(await enter(url, `innocent ${room}`, `Innocent ${room}.${index}`));
  }
  for (const member of members) {
    hear(member);
    timers.push(setInterval(() => say(member), SAY_EVERY_MS));
    // Not all in one turn.
    await pause(SAY_EVERY_MS / members.length);
  }

  return {
    async during(ms) {
      const own: Phase = { latenciesMs: [], refused: [], saidAt: new Map() };
      saying = own;
      hearing = own;
      await pause(ms);
      saying = undefined;
      const until = performance.now() + HEARD_LIMIT_MS;
      while (own.saidAt.size > 0 && performance.now() < until) await pause(LOOK_MS);
      hearing = undefined;
      if (own.saidAt.size > 0) throw new Error(`${own.saidAt.size} messages of honest clients never arrived`);
      return own;
    },
    close() {
      for (const timer of timers) clearInterval(timer);
      for (const member of members) member.close();
    },
  };
}
