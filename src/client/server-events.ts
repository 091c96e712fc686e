import type { ClientEvents } from './chat-client.ts';
import type { Emitter } from './emitter.ts';
import type { People } from './people.ts';
import type { Rooms } from './rooms.ts';
import type { TokenRenewal } from './token-renewal.ts';

export interface ServerEventsDeps {
  readonly rooms: Pick<Rooms, 'handle'>;
  readonly people: Pick<People, 'handle'>;
  readonly tokens: Pick<TokenRenewal, 'expiring'>;
  readonly events: Pick<Emitter<ClientEvents>, 'emit'>;
  readonly onThrow: (error: unknown) => void;
}

/** Events of the server that applications hear under their own names. */
const TYPED: ReadonlySet<string> = new Set<keyof ClientEvents>([
  'refused',
  'online',
  'receipt',
  'token:expiring',
  'textmsg',
  'cluster:degraded',
  'cluster:restored',
]);
/** Those of them that former releases told as `event` only. */
const ALSO_UNTYPED: ReadonlySet<string> = new Set(['textmsg', 'cluster:degraded', 'cluster:restored']);

/** Passes each event of the server to the part of the client that it is about, else to the application. */
export function createServerEvents({ rooms, people, tokens, events, onThrow }: ServerEventsDeps) {
  function pass(name: string, args: unknown[]): void {
    const [said] = args;
    if (rooms.handle(name, said) || people.handle(name, args)) return;
    if (name === 'token:expiring') tokens.expiring((said as ClientEvents['token:expiring'][0]).inMs);
    if (TYPED.has(name)) events.emit(name as keyof ClientEvents, said as never);
    if (!TYPED.has(name) || ALSO_UNTYPED.has(name)) events.emit('event', name, ...args);
  }

  return {
    /** Never throws: a malformed event must not end the connection. */
    handle(name: string, args: unknown[]): void {
      try {
        pass(name, args);
      } catch (error) {
        onThrow(error);
      }
    },
  };
}
