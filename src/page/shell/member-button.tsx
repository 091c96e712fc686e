import type { Person } from '../../protocol/people.ts';
import { useTexts } from '../language/texts.ts';
import { Avatar } from '../ui/avatar.tsx';
import { LookAlikeMark } from '../ui/look-alike-mark.tsx';
import { usePage } from './page.ts';

/** A member of the list, who leads to their profile. */
export function MemberButton({ person, isLookAlike }: { person: Person; isLookAlike: boolean }) {
  const { session, router } = usePage();
  const { shell: texts } = useTexts();
  const { userId, username, avatar } = person;
  return (
    <button type="button" class="sidebar-link" onClick={() => router.open({ kind: 'profile', userId })}>
      <span class="presence on">
        <Avatar userId={userId} username={username} avatar={avatar} />
      </span>
      <bdi class="sidebar-label">{username}</bdi>
      {isLookAlike && <LookAlikeMark userId={userId} />}
      {userId === session.chat.user?.id && <span class="member-you">{texts.you}</span>}
    </button>
  );
}
