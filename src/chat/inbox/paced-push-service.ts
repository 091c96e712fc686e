import { succeed } from '../../protocol/codes.ts';
import type { Admission } from '../admission.ts';
import { createPushService, type PushService, type PushServiceDeps } from './push-service.ts';

/**
 * A push costs one append for each user, so admission control admits each of them; all pushes together are one caller.
 * A push is rejected before it begins or not at all: after a partial push, a retry would reach half of its users twice.
 */
export function createPacedPushService(
  deps: PushServiceDeps,
  admission: Pick<Admission, 'run'>,
): PushService {
  const caller = {};
  const { logs } = deps;
  const service = createPushService({
    ...deps,
    logs: { append: (room, draft) => admission.run(caller, () => logs.append(room, draft), 'patient') },
  });
  return {
    ...service,
    async push(request) {
      const admitted = await admission.run(caller, async () => succeed(undefined));
      return admitted.ok ? service.push(request) : admitted;
    },
  };
}
