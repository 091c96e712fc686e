import { useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { Avatar } from '../ui/avatar.tsx';
import { SettingsIcon } from '../ui/icons.tsx';
import { useStore } from '../ui/use-store.ts';
import { usePage } from './page.ts';
import { SettingsDialog } from './settings-dialog.tsx';

/** This person, and the state of their connection. */
export function OwnCard() {
  const { session } = usePage();
  const { shell: texts } = useTexts();
  const { state, online } = useStore(session.status);
  const [open, setOpen] = useState(false);
  const { chat, profile } = session;
  const name = chat.user?.name ?? profile.username;
  const states = {
    connecting: texts.connecting,
    online: texts.connected,
    offline: texts.reconnecting,
    closed: texts.disconnected,
  };
  return (
    <div class="own-card">
      <Avatar userId={chat.user?.id} username={name} avatar={chat.user?.avatar ?? profile.avatar} />
      <div class="own-name wide">
        <bdi>{name}</bdi>
        <span class={`own-state ${state}`}>
          {states[state]}
          {state === 'online' && online && ` · ${texts.onlineCount(online.users)}`}
        </span>
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label={texts.settings}
        title={texts.settings}
        onClick={() => setOpen(true)}
      >
        <SettingsIcon />
      </button>
      {open && <SettingsDialog onClose={() => setOpen(false)} />}
    </div>
  );
}
