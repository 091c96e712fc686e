import type { Link, PrimaryLink, WorkerLink } from '../../src/cluster/link.ts';
import { type Outcome, refuse } from '../../src/protocol/codes.ts';

export interface LinkPair {
  /** What the worker holds. */
  readonly primary: PrimaryLink;
  /** What the primary holds. */
  readonly worker: WorkerLink;
  /** As if the process at one end were gone. */
  cut(): void;
}

type Handler = (body: unknown) => Promise<Outcome<unknown>> | Outcome<unknown>;

interface End {
  readonly link: Link;
  readonly receive: (message: Message) => void;
  readonly close: () => void;
}

type Message =
  | { readonly type: 'request'; readonly id: number; readonly kind: string; readonly body: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly type: 'notice'; readonly kind: string; readonly body: unknown };

/** An IPC channel within one process: bodies are cloned and arrive later, in the order sent. */
export function createLinkPair(slot: number, instanceId: string): LinkPair {
  const atWorker: End = createEnd((message) => deliver(atPrimary, message));
  const atPrimary: End = createEnd((message) => deliver(atWorker, message));
  return {
    primary: atWorker.link,
    worker: { ...atPrimary.link, slot, instanceId },
    cut() {
      atWorker.close();
      atPrimary.close();
    },
  };
}

function deliver(end: End, message: Message): void {
  const copy = structuredClone(message);
  setImmediate(() => end.receive(copy));
}

function createEnd(send: (message: Message) => void): End {
  const requests = new Map<string, Handler>();
  const notices = new Map<string, (body: unknown) => void>();
  const waiting = new Map<number, (answer: Outcome<unknown>) => void>();
  const closeListeners: (() => void)[] = [];
  let lastId = 0;
  let open = true;

  async function answer(kind: string, body: unknown): Promise<Outcome<unknown>> {
    try {
      return (await requests.get(kind)?.(body)) ?? refuse('internal', `no handler of ${kind}`);
    } catch (error) {
      return refuse('internal', (error as Error).message);
    }
  }

  return {
    link: {
      request: <T>(kind: string, body: unknown, timeoutMs = 2_000) =>
        new Promise<Outcome<T>>((resolve) => {
          if (!open) return resolve(refuse('unavailable', 'the other end is gone'));
          lastId += 1;
          const id = lastId;
          const settle = (outcome: Outcome<unknown>) => {
            clearTimeout(timer);
            waiting.delete(id);
            resolve(outcome as Outcome<T>);
          };
          const timer = setTimeout(() => settle(refuse('unavailable', 'no answer in time')), timeoutMs);
          waiting.set(id, settle);
          send({ type: 'request', id, kind, body });
        }),
      notify(kind, body) {
        if (open) send({ type: 'notice', kind, body });
      },
      onRequest(kind, handler) {
        requests.set(kind, handler as Handler);
      },
      onNotice(kind, handler) {
        notices.set(kind, handler as (body: unknown) => void);
      },
      onClose(listener) {
        closeListeners.push(listener);
      },
    },
    receive(message) {
      if (!open) return;
      if (message.type === 'answer') waiting.get(message.id)?.(message.body as Outcome<unknown>);
      else if (message.type === 'notice') notices.get(message.kind)?.(message.body);
      else {
        void answer(message.kind, message.body).then((body) => {
          if (open) send({ type: 'answer', id: message.id, body });
        });
      }
    },
    close() {
      if (!open) return;
      open = false;
      for (const settle of [...waiting.values()]) settle(refuse('unavailable', 'the other end is gone'));
      for (const listener of closeListeners) listener();
    },
  };
}
