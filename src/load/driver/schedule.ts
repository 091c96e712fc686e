import type { Random } from '../random.ts';
import type { Client } from './client.ts';
import type { Clock } from './clock.ts';
import { createEvenShare } from './even-mix.ts';
import { type Ledger, record } from './ledger.ts';
import type { RateOrder } from './orders.ts';
import type { PrivateCheck } from './private-messages.ts';
import type { Sender } from './sender.ts';
import { createSpeakers } from './speakers.ts';

export interface ScheduleDeps {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly senders: readonly Sender[];
  readonly clients: readonly Client[];
  readonly privateCheck: PrivateCheck | undefined;
  readonly churn: () => void;
  readonly order: RateOrder;
}

/** The next speaker may be away or wait for too many answers: so many others are asked instead. */
const TRIES = 8;

/**
 * An open loop for all speakers of a process: messages are due at even intervals whatever the answers do, and the
 * speakers take turns, or speak by their weights. One that nobody may say stays due, and its latency runs.
 */
export interface Schedule {
  pump(nowUs: number): void;
  backlog(nowUs: number): number;
}

export function createSchedule(deps: ScheduleDeps): Schedule {
  const { clock, ledger, random, clients, privateCheck, churn } = deps;
  const { perSecond, privateShare, churnPerS } = deps.order;
  const speakers = createSpeakers(deps.senders, random);
  const isNextPrivate = createEvenShare(privateShare, random.fraction());
  const intervalUs = 1e6 / perSecond;
  const churnUs = 1e6 / churnPerS;
  let nextUs = clock() + random.fraction() * intervalUs;
  let nextChurnUs = clock() + random.fraction() * churnUs;
  /** The kind of the message that is due next, also if it has to wait. */
  let isPrivate = isNextPrivate();
  /** Messages that were due until then had to wait for answers, or for a speaker to come back. */
  let heldUntilUs = 0;

  function say(dueUs: number): boolean {
    if (privateCheck !== undefined && isPrivate) {
      for (let tries = 0; tries < TRIES; tries += 1)
        if (privateCheck.say(random.one(clients), random.one(clients), dueUs)) return true;
      return false;
    }
    if (speakers.next()?.say(dueUs)) return true;
    for (let tries = 1; tries < TRIES; tries += 1) if (speakers.instead(tries)?.say(dueUs)) return true;
    return false;
  }

  return {
    pump(nowUs) {
      for (; nextChurnUs <= nowUs; nextChurnUs += churnUs) churn();
      if (deps.senders.length === 0 || perSecond === 0) return;
      for (; nextUs <= nowUs; nextUs += intervalUs) {
        if (!say(nextUs)) {
          heldUntilUs = nowUs;
          return;
        }
        isPrivate = isNextPrivate();
        // The server is to blame for the messages that queued up behind unanswered ones.
        if (nextUs > heldUntilUs) record(ledger.lagUs, nowUs - nextUs);
      }
    },
    backlog: (nowUs) => (nextUs > nowUs ? 0 : Math.floor((nowUs - nextUs) / intervalUs) + 1),
  };
}
