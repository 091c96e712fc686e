import type { Identity } from '../../src/chat/identity.ts';
import { MEMBER_RIGHTS } from '../../src/protocol/rights.ts';
import { partOf } from '../support/part-of.ts';

/** Somebody who has given a name and may change it, with the rights of a member in every room. */
export function knownIdentity(user: Identity['user']): Identity {
  return partOf<Identity>({
    user,
    named: true,
    known: true,
    fixed: { name: false, avatar: false },
    access: { rightsIn: () => MEMBER_RIGHTS },
  });
}
