import { useTexts } from '../language/texts.ts';
import type { ConnectionState } from '../room/chat-state.ts';
import { MoreIcon, PeopleIcon } from '../ui/icons.tsx';
import { Menu } from '../ui/menu.tsx';
import { BackButton } from './back-button.tsx';

export interface RoomHeaderProps {
  readonly roomid: string;
  readonly connection: ConnectionState;
  readonly users?: number;
  readonly muted: boolean;
  readonly membersOpen: boolean;
  readonly onMembers: () => void;
  readonly onShare: () => void;
  readonly onMute: () => void;
  readonly onLeave: () => void;
}

export function RoomHeader({ roomid, connection, users, ...room }: RoomHeaderProps) {
  const { shell: texts } = useTexts();
  const phases: Record<ConnectionState['phase'], string> = {
    connecting: texts.connecting,
    joined: users === undefined ? texts.connected : texts.peopleHere(users),
    lost: texts.reconnecting,
    outside: texts.notInRoom,
    stopped: texts.disconnected,
  };
  return (
    <header class="room-header" data-connection={connection.phase}>
      <BackButton />
      <div class="room-title">
        <h1>
          <bdi>{roomid}</bdi>
        </h1>
        <p class={`connection-state ${connection.phase}`}>{phases[connection.phase]}</p>
      </div>
      <button
        type="button"
        class="header-button members-button"
        aria-pressed={room.membersOpen}
        title={texts.members}
        onClick={room.onMembers}
      >
        <PeopleIcon />
        <span>{texts.members}</span>
      </button>
      <Menu
        label={texts.roomMenu}
        items={[
          { label: texts.share, onPick: room.onShare },
          { label: room.muted ? texts.unmuteRoom : texts.muteRoom, onPick: room.onMute },
          { label: texts.leave, danger: true, onPick: room.onLeave },
        ]}
      >
        <MoreIcon />
      </Menu>
    </header>
  );
}
