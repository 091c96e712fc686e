import { useEffect, useState } from 'preact/hooks';
import { describeProblem } from '../language/problems.ts';
import { useTexts } from '../language/texts.ts';
import type { ConnectionState } from '../room/chat-state.ts';

export interface ConnectionBannerProps {
  readonly connection: ConnectionState;
  readonly onReconnect: () => void;
}

export function ConnectionBanner({ connection, onReconnect }: ConnectionBannerProps) {
  const language = useTexts();
  const { shell: texts } = language;
  return (
    <div role="status">
      {connection.phase === 'lost' && (
        <p class="banner">
          <span>
            {describeProblem(language, connection.reason, Date.now())}{' '}
            {connection.backAt === undefined ? texts.reconnecting : <Countdown until={connection.backAt} />}
          </span>
          {connection.backAt === undefined && (
            <button type="button" class="text-button" onClick={onReconnect}>
              {texts.tryNow}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Countdown({ until }: { until: number }) {
  const { shell: texts } = useTexts();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(ticking);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <>{seconds > 0 ? texts.backIn(seconds) : texts.reconnecting}</>;
}
