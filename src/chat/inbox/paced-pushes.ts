import { succeed } from '../../protocol/codes.ts';
import type { Admission } from '../admission.ts';
import { createPushDesk, type PushDesk, type PushDeskDeps } from './push.ts';

/**
 * A push is as much as its users, so each of them passes the door; all pushes together are one asker among the others.
 * A push is refused before it began or not at all: half of its users would be reached twice by a second try.
 */
export function createPacedPushDesk(deps: PushDeskDeps, admission: Pick<Admission, 'visit'>): PushDesk {
  const pushes = {};
  const { logs } = deps;
  const desk = createPushDesk({
    ...deps,
    logs: {
      ...logs,
      append: (room, draft) =>
        admission.visit(pushes, (pass) => pass(() => logs.append(room, draft)), 'patient'),
    },
  });
  return {
    ...desk,
    async push(order) {
      const turn = await admission.visit(pushes, (pass) => pass(async () => succeed(undefined)));
      return turn.ok ? desk.push(order) : turn;
    },
  };
}
