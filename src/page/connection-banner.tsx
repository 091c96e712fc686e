import { useEffect, useState } from 'preact/hooks';
import type { ConnectionState } from './chat-state.ts';
import { sentence } from './problems.ts';

export interface ConnectionBannerProps {
  readonly connection: ConnectionState;
  readonly onReconnect: () => void;
}

export function ConnectionBanner({ connection, onReconnect }: ConnectionBannerProps) {
  return (
    <div role="status">
      {connection.phase === 'lost' && (
        <p class="banner">
          <span>
            {sentence(connection.reason)}{' '}
            {connection.backAt === undefined ? 'Reconnecting…' : <Countdown until={connection.backAt} />}
          </span>
          {connection.backAt === undefined && (
            <button type="button" class="text-button" onClick={onReconnect}>
              Try now
            </button>
          )}
        </p>
      )}
      {(connection.phase === 'stopped' || connection.phase === 'outside') && (
        <p class="banner stopped">
          <span>{sentence(connection.reason)}</span>
          <button type="button" class="text-button" onClick={onReconnect}>
            {connection.phase === 'outside' ? 'Enter again' : 'Reconnect'}
          </button>
        </p>
      )}
    </div>
  );
}

function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(ticking);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <>{seconds > 0 ? `Coming back in ${seconds} s…` : 'Reconnecting…'}</>;
}
