import { ClientError } from '../../client/index.ts';
import type { Person } from '../../protocol/people.ts';
import type { ModerationAction } from '../../protocol/rooms.ts';
import { describeProblem } from '../language/problems.ts';
import { useTexts } from '../language/texts.ts';
import type { RoomSession } from '../session/room-session.ts';
import { Avatar } from '../ui/avatar.tsx';
import { usePage } from './page.ts';

export interface ProfileProps {
  readonly userId: string;
  /** Absent: not in the room now. */
  readonly person?: Person;
  /** The name looks like that of somebody else here. */
  readonly isLookAlike: boolean;
  readonly opened: RoomSession;
}

const MUTE_S = 600;

export function Profile({ userId, person, isLookAlike, opened }: ProfileProps) {
  const { session, router, toasts } = usePage();
  const language = useTexts();
  const { shell: texts, room: roomTexts } = language;
  const name = person?.username ?? userId;
  const isOther = userId !== session.chat.user?.id;
  const mayModerate = isOther && opened.room.can?.includes('moderate');

  async function moderate(action: ModerationAction, seconds?: number): Promise<void> {
    try {
      await opened.room.moderate(action, userId, seconds);
      toasts.show({ title: texts.moderated });
    } catch (error) {
      const { code, message } =
        error instanceof ClientError ? error : { code: 'internal' as const, message: '' };
      toasts.show({ title: describeProblem(language, { code, message }, Date.now()) });
    }
  }

  return (
    <div class="profile">
      <Avatar userId={userId} username={name} avatar={person?.avatar} />
      <h3>
        <bdi>{name}</bdi>
      </h3>
      {person && <p class="profile-state">{texts.online}</p>}
      {isLookAlike && <p class="panel-note">{roomTexts.confusable}</p>}
      <dl>
        <dt>{texts.userId}</dt>
        <dd>
          <code>{userId}</code>
        </dd>
      </dl>
      {isOther && (
        <button type="button" class="primary" onClick={() => router.go({ kind: 'person', userId })}>
          {texts.writePrivately}
        </button>
      )}
      {mayModerate && (
        <>
          <button type="button" class="secondary" onClick={() => void moderate('mute', MUTE_S)}>
            {texts.muteFor}
          </button>
          <button type="button" class="secondary" onClick={() => void moderate('kick')}>
            {texts.kick}
          </button>
          <button
            type="button"
            class="secondary danger"
            onClick={() => {
              if (window.confirm(texts.banSure(name))) void moderate('ban');
            }}
          >
            {texts.ban}
          </button>
        </>
      )}
    </div>
  );
}
