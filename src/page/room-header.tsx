import { useEffect, useState } from 'preact/hooks';
import type { ConnectionState } from './chat-state.ts';
import { LeaveIcon, LinkIcon } from './icons.tsx';

export interface RoomHeaderProps {
  readonly roomid: string;
  readonly connection: ConnectionState;
  readonly users?: number;
  readonly onLeave: () => void;
}

export function RoomHeader({ roomid, connection, users, onLeave }: RoomHeaderProps) {
  const people = users === undefined ? '' : ` · ${users} ${users === 1 ? 'person' : 'people'} here`;
  return (
    <header class="room-header">
      <div class="room-title">
        <h1>
          <bdi>{roomid}</bdi>
        </h1>
        <p class={`connection-state ${connection.phase}`}>
          {PHASES[connection.phase]}
          {connection.phase === 'joined' && people}
        </p>
      </div>
      <CopyLink />
      <button type="button" class="header-button" onClick={onLeave} title="Leave or switch room">
        <LeaveIcon />
        <span>Leave</span>
      </button>
    </header>
  );
}

const PHASES: Record<ConnectionState['phase'], string> = {
  connecting: 'Connecting…',
  joined: 'Connected',
  lost: 'Reconnecting…',
  outside: 'Not in this room',
  stopped: 'Disconnected',
};

/** Copies the address of the room. Without clipboard access (plain http) people copy it from the address bar. */
function CopyLink() {
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
    <button type="button" class="header-button" onClick={() => void copy()} title="Copy a link to this room">
      <LinkIcon />
      <span aria-live="polite">{copied ? 'Copied' : 'Share'}</span>
    </button>
  );
}
