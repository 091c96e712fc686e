import { useEffect, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { useStore } from '../ui/use-store.ts';
import { usePage } from './page.ts';
import { useRequest } from './use-request.ts';

/** Blocks a person, or no more. */
export function BlockButton({ userId, look }: { userId: string; look: 'secondary' | 'text-button' }) {
  const { session } = usePage();
  const { shell: texts } = useTexts();
  const request = useRequest();
  const blocked = useStore(session.blocks.userIds)?.has(userId);
  const [asking, setAsking] = useState(false);
  useEffect(() => void session.blocks.load(), [session, userId]);

  async function toggle(): Promise<void> {
    if (asking) return;
    setAsking(true);
    await request(() => session.blocks.set(userId, !blocked));
    setAsking(false);
  }

  // A button that is disabled while it asks would lose the focus.
  return (
    <button
      type="button"
      class={look}
      title={texts.blockTitle}
      disabled={blocked === undefined}
      aria-disabled={asking}
      onClick={() => void toggle()}
    >
      {blocked ? texts.unblock : texts.block}
    </button>
  );
}

/** Says that a person is blocked; nothing of others. */
export function BlockedNote({ userId }: { userId: string }) {
  const { session } = usePage();
  const { shell: texts } = useTexts();
  const blocked = useStore(session.blocks.userIds)?.has(userId);
  return blocked ? <p class="panel-note">{texts.blocked}</p> : null;
}
