import { useEffect, useState } from 'preact/hooks';
import type { Link } from './chat-state.ts';

export function LinkBanner({ link, onReconnect }: { link: Link; onReconnect: () => void }) {
  return (
    <div role="status">
      {link.phase === 'lost' && (
        <p class="banner">
          <span>
            {sentence(link.reason)}{' '}
            {link.backAt === undefined ? 'Reconnecting…' : <Countdown until={link.backAt} />}
          </span>
          {link.backAt === undefined && (
            <button type="button" class="text-button" onClick={onReconnect}>
              Try now
            </button>
          )}
        </p>
      )}
      {link.phase === 'stopped' && (
        <p class="banner stopped">
          <span>{sentence(link.reason)}</span>
          <button type="button" class="text-button" onClick={onReconnect}>
            Reconnect
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

/** Servers give reasons in half sentences. */
function sentence(reason: string): string {
  const [first = '', ...rest] = reason.trim();
  return `${first.toUpperCase()}${rest.join('').replace(/[.!]?$/, '.')}`;
}
