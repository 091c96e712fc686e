import type { Outcome } from '../protocol/codes.ts';
import type { IpcChannel, RequestKind } from './ipc.ts';

/** Interfaces by name. A method takes what IPC can clone and answers an outcome. */
type Services<S> = { readonly [N in keyof S]: { readonly [M in keyof S[N]]: AsyncMethod } };
type AsyncMethod = (...args: never[]) => Promise<Outcome<unknown>>;

/** The same interfaces in the process that answers, where a method may answer at once. */
export type Served<S extends Services<S>> = {
  readonly [N in keyof S]: { readonly [M in keyof S[N]]: MaybeSync<S[N][M]> };
};
type MaybeSync<F> = F extends (...args: infer A) => Promise<infer R> ? (...args: A) => Promise<R> | R : never;

type Call = (...args: readonly unknown[]) => Promise<Outcome<unknown>>;
type AnyServices = Readonly<Record<string, Readonly<Record<string, Call>>>>;

/**
 * Remote procedure calls: the services of the process at the other end of the channel. Every method sends its arguments
 * as one request, `service.method`; `request` sends it, with the caller's time limit.
 */
export function callServices<S extends Services<S>>(
  request: (kind: RequestKind<readonly unknown[], unknown>, args: readonly unknown[]) => ReturnType<Call>,
): S {
  const service = (name: string) =>
    membersOnDemand<Call>(
      (method) =>
        (...args) =>
          request(`${name}.${method}`, args),
    );
  // The cast is safe: the type `S` declares the members, and they are made from its names alone.
  return membersOnDemand(service) as unknown as S;
}

/** Answers what `callServices` asks at the other end. `guard` may refuse a call before its method sees it. */
export function serveServices<S extends Services<S>>(
  ipc: Pick<IpcChannel, 'onRequest'>,
  services: Served<S>,
  guard: () => Outcome<void>,
): void {
  for (const [name, service] of Object.entries(services as AnyServices)) {
    for (const [method, answer] of Object.entries(service)) {
      const kind: RequestKind<readonly unknown[], unknown> = `${name}.${method}`;
      ipc.onRequest(kind, (args) => {
        const allowed = guard();
        return allowed.ok ? answer(...args) : allowed;
      });
    }
  }
}

/** An object whose members are made when they are first read. */
function membersOnDemand<T>(make: (name: string) => T): Record<string, T> {
  return new Proxy<Record<string, T>>(Object.create(null), {
    get(members, name) {
      if (typeof name === 'symbol' || name === 'then') return undefined;
      members[name] ??= make(name);
      return members[name];
    },
    ownKeys() {
      throw new Error('a remote service cannot be spread: its members are made when they are read');
    },
  });
}
