import { type Dispatch, type StateUpdater, useEffect } from 'preact/hooks';
import type { PersistentRoom } from '../../client/index.ts';
import type { PresentPerson } from '../../protocol/people.ts';
import { useTexts } from '../language/texts.ts';
import { MemberButton } from './member-button.tsx';

export interface CrowdListProps {
  readonly room: Pick<PersistentRoom, 'memberPage'>;
  readonly users: number;
  readonly crowd: Crowd;
  readonly setCrowd: Dispatch<StateUpdater<Crowd>>;
}

/** The people who are listed so far. */
export interface Crowd {
  /** The room that they are in. */
  readonly room?: CrowdListProps['room'];
  readonly people: readonly PresentPerson[];
  /** Absent: there are no more. */
  readonly cursor?: string;
  readonly state: 'loading' | 'idle' | 'failed';
}

const PAGE_SIZE = 100;

export const NO_CROWD: Crowd = { people: [], state: 'loading' };

/** The members of a room that is too large to follow each of them: as they are now, page by page. */
export function CrowdList({ room, users, crowd, setCrowd }: CrowdListProps) {
  const { shell: texts, room: roomTexts } = useTexts();

  async function load(cursor?: string): Promise<void> {
    setCrowd((before) => ({ ...(before.room === room ? before : NO_CROWD), room, state: 'loading' }));
    const page = await room.memberPage({ limit: PAGE_SIZE, cursor }).catch(() => undefined);
    setCrowd((before) => {
      if (before.room !== room) return before;
      if (!page) return { ...before, state: 'failed' };
      const { people } = before;
      // People who come and go meanwhile move the pages.
      const known = new Set(people.map(({ userId }) => userId));
      const more = page.members.filter(({ userId }) => !known.has(userId));
      return { room, people: [...people, ...more], cursor: page.cursor, state: 'idle' };
    });
  }

  useEffect(() => {
    if (crowd.room !== room) void load();
  }, [room]);

  const { people, cursor, state } = crowd.room === room ? crowd : NO_CROWD;
  const canLoad = cursor !== undefined || state === 'failed';
  return (
    <>
      <p class="panel-note">{texts.manyMembers(users)}</p>
      <ul class="members">
        {people.map((person) => (
          <li key={person.userId}>
            <MemberButton person={person} isLookAlike={person.confusable === true} />
          </li>
        ))}
      </ul>
      {canLoad && (
        <button
          type="button"
          class="secondary"
          disabled={state === 'loading'}
          onClick={() => void load(cursor)}
        >
          {state === 'failed' ? roomTexts.loadFailed : texts.moreMembers}
        </button>
      )}
    </>
  );
}
