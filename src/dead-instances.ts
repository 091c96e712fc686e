import { ROSTER_REAP_CHECK_MS } from './chat/roster.ts';
import { CHAT_MESSAGES } from './chat-messages.ts';
import type { WorkerIpc } from './cluster/ipc.ts';
import { PRESENCE_GRACE_MS } from './protocol/limits.ts';
import type { Sized } from './sizes.ts';

export interface DeadInstances {
  /** Fences an instance that died, and reaps it after the grace time. */
  add(instanceId: string): void;
  /** A worker may be ready now: it fences what died while none was. */
  onServing(): void;
  close(): void;
}

export interface DeadInstancesDeps {
  /** Returns any worker that serves, since only workers have a roster. */
  readonly pick: () => WorkerIpc | undefined;
}

/** Lets workers remove the presence of dead ones: of this host's own when they die, of all others when a lease expires. */
export function createDeadInstances({ pick }: DeadInstancesDeps): DeadInstances & Sized {
  const graceTimers = new Set<NodeJS.Timeout>();
  /** Instances that died while no worker was ready to fence them. */
  const pendingFences = new Set<string>();
  const reaping = setInterval(() => pick()?.notify(CHAT_MESSAGES.reapExpired, null), ROSTER_REAP_CHECK_MS);

  return {
    sizes: () => ({ graceTimers: graceTimers.size, pendingFences: pendingFences.size }),
    add(instanceId) {
      const survivor = pick();
      if (survivor) survivor.notify(CHAT_MESSAGES.fence, { instanceId });
      else pendingFences.add(instanceId);
      // Its clients reconnect to other workers meanwhile. A user who is back within the grace time never left.
      const grace = setTimeout(() => {
        graceTimers.delete(grace);
        pick()?.notify(CHAT_MESSAGES.reap, { instanceId });
      }, PRESENCE_GRACE_MS);
      graceTimers.add(grace);
    },
    onServing() {
      const survivor = pick();
      if (!survivor) return;
      for (const instanceId of pendingFences) survivor.notify(CHAT_MESSAGES.fence, { instanceId });
      pendingFences.clear();
    },
    close() {
      clearInterval(reaping);
      for (const grace of graceTimers) clearTimeout(grace);
    },
  };
}
