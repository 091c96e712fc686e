import { useEffect, useState } from 'preact/hooks';
import type { Member } from './completion.ts';

/** Calls back with the members of a room; without a list in a room too large for one. */
export type FollowMembers = (
  listener: (members: { readonly list?: readonly Member[] }) => void,
) => () => void;

const NOBODY: readonly Member[] = [];

/** The other members of the room, from the first time on that they are wanted. */
export function useMembers(follow: FollowMembers, ownId: string, wanted: boolean): readonly Member[] {
  const [members, setMembers] = useState(NOBODY);
  const [following, setFollowing] = useState(false);
  useEffect(() => {
    if (wanted) setFollowing(true);
  }, [wanted]);
  useEffect(() => {
    if (!following) return;
    return follow(({ list = NOBODY }) => setMembers(list.filter(({ userId }) => userId !== ownId)));
  }, [follow, ownId, following]);
  return members;
}
