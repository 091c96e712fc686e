import { afterAll, afterEach, beforeAll } from 'vitest';
import { connect, enter, type Member, type MemberOptions } from './member.ts';
import { type Mode, type System, type SystemOptions, startSystem } from './system.ts';

/** A running system for the tests of one block, and the clients that came to it. */
export interface Fixture {
  /** From the first test on. */
  readonly system: System;
  /**
   * The address for the client of this number. In cluster mode 0 and 1 are workers of two hosts. In embedded mode 0 and 2 are the
   * two workers, and 1 is the front door, which chooses either: a test that needs another worker takes `worker(index)`.
   */
  at(index: number): string;
  /** The own port of a worker. */
  worker(index: number): string;
  /** A name, room or user id that nobody had before. */
  fresh(name: string): string;
  connect(url: string, options?: MemberOptions): Promise<Member>;
  /** A connection of the user. The username is the id up to its first hyphen: `ann` of `ann-cluster-3`. */
  device(url: string, userId: string, options?: MemberOptions): Promise<Member>;
  /** A connection that comes into the room by its address. */
  enter: typeof enter;
}

export interface FixtureOptions extends SystemOptions {
  /** Clients stay connected from one test to the next. */
  readonly clientsStay?: boolean;
}

type Settings = Readonly<Record<string, string>>;

/** To be called in a `describe`: starts the system before its tests, and closes clients and system after them. */
export function systemFixture(
  mode: Mode,
  env: Settings | (() => Settings) = {},
  { clientsStay = false, ...options }: FixtureOptions = {},
): Fixture {
  const members: Member[] = [];
  let system: System | undefined;
  let names = 0;

  function running(): System {
    if (!system) throw new Error('the system is started before the first test');
    return system;
  }
  function closeClients(): void {
    for (const member of members.splice(0)) member.close();
  }
  function closedLater<M extends Member>(member: M): M {
    members.push(member);
    return member;
  }
  const oneOf = (urls: readonly string[], index: number) => urls[index % urls.length] as string;

  beforeAll(async () => {
    system = await startSystem(mode, typeof env === 'function' ? env() : env, options);
  });
  afterEach(() => {
    if (!clientsStay) closeClients();
  });
  afterAll(async () => {
    closeClients();
    await system?.stop();
  });

  return {
    get system() {
      return running();
    },
    at: (index) => oneOf(running().entrances, index),
    worker: (index) => oneOf(running().workerUrls, index),
    fresh(name) {
      names += 1;
      return `${name}-${mode}-${names}`;
    },
    connect: async (url, options) => closedLater(await connect(url, options)),
    async device(url, userId, options = {}) {
      const auth = { userId, username: userId.split('-')[0], ...(options.auth as object) };
      return closedLater(await connect(url, { ...options, auth }));
    },
    enter: async (...given) => closedLater(await enter(...given)),
  };
}
