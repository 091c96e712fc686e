/*
 * The functions of a dialect in a file of its own: what differs between two Socket.IO servers that carry messages to
 * rooms. They say what to send and what came; the driver owns the connections, the schedule and the check.
 */

/** The name of an event, and its arguments. */
export type ModuleEvent = readonly [name: string, ...args: unknown[]];

/** A client as a module sees it. */
export interface ModuleClient {
  readonly id: number;
  /** Different for each client and run. */
  readonly name: string;
  readonly room: string;
  /** With `--token-secret`, a token that names the client. */
  readonly token: string | undefined;
}

/** The handshake of a client, beside the URL. */
export interface ModuleHandshake {
  readonly query?: Readonly<Record<string, string>>;
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The meaning of an event for the client that got it. */
export type ModuleMeaning =
  /** A message of a room; `id` and `username` are compared if the server sends them. */
  | {
      readonly text: string;
      readonly room?: string | undefined;
      readonly id?: string | undefined;
      readonly username?: string | undefined;
    }
  /** The client is in its room now; with `promises.joined: 'event'`. */
  | { readonly joined: true }
  /** The server refuses the message with that id. */
  | { readonly refused: string; readonly id: string }
  | undefined;

/** The server's promises, and so what is checked. */
export interface ModulePromises {
  /** The sign that a client is in its room: the answer to its join, an event, or none. */
  readonly joined?: 'ack' | 'event';
  /** The server acknowledges each message that it takes. */
  readonly acks?: boolean;
  /** All members of a room get all messages in one order. */
  readonly roomOrder?: boolean;
  /** False: a client does not get what it says itself. */
  readonly ownMessages?: boolean;
}

export interface DialectModule {
  /** Called for each connection. */
  connect(url: string, client: ModuleClient): ModuleHandshake | undefined;
  /** The event that a client enters its room with; none if it is there by connecting. */
  join(client: ModuleClient): ModuleEvent | undefined;
  /** Called once for each client: the driver puts other digits into `text` and `id` for each message. */
  say(client: ModuleClient, text: string, id: string): ModuleEvent;
  /** Called for the first arrival of a message, and for every other event. */
  onMessage(name: string, args: readonly unknown[], client: ModuleClient): ModuleMeaning;
  /** The event that a client leaves with before it disconnects. */
  leave(client: ModuleClient): ModuleEvent | undefined;
  readonly promises?: ModulePromises;
}

export const MODULE_FUNCTIONS = ['connect', 'join', 'say', 'onMessage', 'leave'] as const;
export type ModuleFunction = (typeof MODULE_FUNCTIONS)[number];

const PROMISES: Readonly<Record<keyof ModulePromises, (value: unknown) => boolean>> = {
  joined: (value) => value === 'ack' || value === 'event',
  acks: (value) => typeof value === 'boolean',
  roomOrder: (value) => typeof value === 'boolean',
  ownMessages: (value) => typeof value === 'boolean',
};

/** A function of a module threw, or returned what cannot be used. The server is not to blame. */
export class DialectFault extends Error {}

/** Takes a module with or without a default export, and says every fault that shows without calling it. */
export function readModule(imported: Readonly<Record<string, unknown>>): DialectModule | readonly string[] {
  const { default: own } = imported;
  const found = typeof own === 'object' && own !== null ? (own as Record<string, unknown>) : imported;
  const missing = MODULE_FUNCTIONS.filter((name) => typeof found[name] !== 'function');
  const problems: string[] = [];
  if (missing.length > 0) {
    problems.push(
      `it exports no function ${missing.join(', ')}: a dialect has ${MODULE_FUNCTIONS.join(', ')}`,
    );
  }
  const { promises } = found;
  if (promises !== undefined) problems.push(...promiseProblems(promises));
  return problems.length > 0 ? problems : (found as unknown as DialectModule);
}

function promiseProblems(promises: unknown): string[] {
  if (typeof promises !== 'object' || promises === null || Array.isArray(promises))
    return [`promises is an object, not ${shown(promises)}`];
  return Object.entries(promises).flatMap(([name, value]) => {
    const isRight = (PROMISES as Readonly<Record<string, (value: unknown) => boolean>>)[name];
    if (isRight === undefined)
      return [`promises.${name} is unknown: there are ${Object.keys(PROMISES).join(', ')}`];
    if (isRight(value)) return [];
    const right = name === 'joined' ? "'ack' or 'event'" : 'true or false';
    return [`promises.${name} is ${right}, not ${shown(value)}`];
  });
}

/** A value in JSON, or in words where JSON cannot hold it. */
export function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
