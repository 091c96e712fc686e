import { succeed } from '../../protocol/codes.ts';
import type { Admission } from '../admission.ts';
import { createPushService, type PushService, type PushServiceDeps } from './push-service.ts';

/**
 * A push is as much as its users, so each of them passes the door; all pushes together are one asker among the others.
 * A push is refused before it began or not at all: half of its users would be reached twice by a second try.
 */
export function createPacedPushService(
  deps: PushServiceDeps,
  admission: Pick<Admission, 'run'>,
): PushService {
  const pushes = {};
  const { logs } = deps;
  const service = createPushService({
    ...deps,
    logs: { append: (room, draft) => admission.run(pushes, () => logs.append(room, draft), 'patient') },
  });
  return {
    ...service,
    async push(request) {
      const turn = await admission.run(pushes, async () => succeed(undefined));
      return turn.ok ? service.push(request) : turn;
    },
  };
}
