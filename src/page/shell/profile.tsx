import type { Person } from '../../protocol/people.ts';
import type { ModerationAction } from '../../protocol/rooms.ts';
import { useTexts } from '../language/texts.ts';
import type { RoomSession } from '../session/room-session.ts';
import { Avatar } from '../ui/avatar.tsx';
import { BlockButton, BlockedNote } from './block-button.tsx';
import { usePage } from './page.ts';
import { useRequest } from './use-request.ts';

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
  const { session, router } = usePage();
  const { shell: texts, room: roomTexts } = useTexts();
  const request = useRequest();
  const name = person?.username ?? userId;
  const isOther = userId !== session.chat.user?.id;
  const mayModerate = isOther && opened.room.can?.includes('moderate');

  function moderate(action: ModerationAction, seconds?: number): void {
    void request(() => opened.room.moderate(action, userId, seconds));
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
        <>
          <button type="button" class="primary" onClick={() => router.go({ kind: 'person', userId })}>
            {texts.writePrivately}
          </button>
          <BlockButton userId={userId} look="secondary" />
          <BlockedNote userId={userId} />
        </>
      )}
      {mayModerate && (
        <>
          <button type="button" class="secondary" onClick={() => moderate('mute', MUTE_S)}>
            {texts.muteFor}
          </button>
          <button type="button" class="secondary" onClick={() => moderate('kick')}>
            {texts.kick}
          </button>
          <button
            type="button"
            class="secondary danger"
            onClick={() => {
              if (window.confirm(texts.banSure(name))) moderate('ban');
            }}
          >
            {texts.ban}
          </button>
        </>
      )}
    </div>
  );
}
