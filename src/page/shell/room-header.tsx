import { useEffect, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import type { ConnectionState } from '../room/chat-state.ts';
import { LeaveIcon, LinkIcon } from '../ui/icons.tsx';

export interface RoomHeaderProps {
  readonly roomid: string;
  readonly connection: ConnectionState;
  readonly users?: number;
  readonly onLeave: () => void;
}

export function RoomHeader({ roomid, connection, users, onLeave }: RoomHeaderProps) {
  const { shell: texts } = useTexts();
  const people = users === undefined ? '' : ` · ${texts.peopleHere(users)}`;
  const phases: Record<ConnectionState['phase'], string> = {
    connecting: texts.connecting,
    joined: texts.connected,
    lost: texts.reconnecting,
    outside: texts.notInRoom,
    stopped: texts.disconnected,
  };
  return (
    <header class="room-header">
      <div class="room-title">
        <h1>
          <bdi>{roomid}</bdi>
        </h1>
        <p class={`connection-state ${connection.phase}`}>
          {phases[connection.phase]}
          {connection.phase === 'joined' && people}
        </p>
      </div>
      <CopyLink />
      <button type="button" class="header-button" onClick={onLeave} title={texts.leaveTitle}>
        <LeaveIcon />
        <span>{texts.leave}</span>
      </button>
    </header>
  );
}

/** Copies the address of the room. Without clipboard access (plain http) people copy it from the address bar. */
function CopyLink() {
  const { shell: texts } = useTexts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!navigator.clipboard) return null;

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied(true);
    } catch {
      // Not permitted: the label stays.
    }
  }

  return (
    <button type="button" class="header-button" onClick={() => void copy()} title={texts.shareTitle}>
      <LinkIcon />
      <span aria-live="polite">{copied ? texts.copied : texts.share}</span>
    </button>
  );
}
