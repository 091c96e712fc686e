import type { DeliveryQuestion, WorkerTrace } from '../../message-trace.ts';
import type { ChatNamespace } from '../socket-types.ts';
import { createDeliveryTracer, type DeliveryTracerDeps, type TraceDeliveries } from './delivery-trace.ts';
import { createMessageSearch, type FindMessages, type MessageSearchDeps } from './message-search.ts';

export interface TracingDeps extends Omit<MessageSearchDeps, 'namespaces'>, DeliveryTracerDeps {
  readonly namespaces: readonly ChatNamespace[];
}

/** Answers what became of a message. */
export interface Tracing {
  readonly find: FindMessages;
  readonly here: TraceDeliveries;
  /** The answers of all other workers on all hosts. One that gives none within five seconds is missing. */
  elsewhere(question: DeliveryQuestion): Promise<readonly WorkerTrace[]>;
}

/** Between workers only: Socket.IO never hands a client's events to the namespace. */
const EVENT = 'trace';

type Answer = (trace: WorkerTrace) => void;

export function createTracing({ namespaces, ...deps }: TracingDeps): Tracing {
  const here = createDeliveryTracer(deps);
  const names = namespaces.map(({ name }) => name);
  // Every worker serves every namespace, so one carries all questions.
  const [carrier] = namespaces;
  const answer = (question: DeliveryQuestion, done?: Answer) => done?.(here(question));
  // Casts, because Socket.IO types this as a client's event.
  carrier?.on(EVENT as never, answer as never);

  return {
    find: createMessageSearch({ ...deps, namespaces: names }),
    here,
    elsewhere: (question) =>
      new Promise((resolve) => {
        if (!carrier) return resolve([]);
        const all = (_late: Error | null, traces: readonly WorkerTrace[] = []) => resolve(traces);
        carrier.serverSideEmit(EVENT, question, all);
      }),
  };
}
