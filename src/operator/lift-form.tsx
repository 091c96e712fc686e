import { useState } from 'preact/hooks';
import type { RoomApi } from './room-api.ts';

export interface LiftFormProps {
  readonly attempt: (task: (api: RoomApi) => Promise<unknown>, done: string) => Promise<void>;
}

/** Ends a mute or a ban before its time. A banned user is no member, so the id is typed in. */
export function LiftForm({ attempt }: LiftFormProps) {
  const [userId, setUserId] = useState('');

  function lift(kind: 'mute' | 'ban', done: string): void {
    const id = userId.trim();
    if (id !== '') void attempt((api) => api.lift(kind, id), `${id} is ${done}.`);
  }

  return (
    <form class="lift" onSubmit={(event) => event.preventDefault()}>
      <label>
        Muted or banned user id{' '}
        <input
          value={userId}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setUserId(currentTarget.value)}
        />
      </label>{' '}
      <button type="button" onClick={() => lift('mute', 'not muted any more')}>
        Unmute
      </button>{' '}
      <button type="button" onClick={() => lift('ban', 'not banned any more')}>
        Unban
      </button>
    </form>
  );
}
