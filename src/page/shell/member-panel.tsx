import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { looksLikeAnother } from '../session/presence.ts';
import type { RoomSession } from '../session/room-session.ts';
import { useStore } from '../ui/use-store.ts';
import { CrowdList, NO_CROWD } from './crowd-list.tsx';
import { MemberButton } from './member-button.tsx';
import { usePage } from './page.ts';
import { Profile } from './profile.tsx';
import { DialogHead } from './settings-dialog.tsx';

/** The right pane: the members of the room, or one of them. */
export function MemberPanel({ opened }: { opened: RoomSession }) {
  const { session, router } = usePage();
  const { shell: texts } = useTexts();
  const { panel } = useStore(router.route);
  const members = useStore(session.presence.members).get(opened.roomid);
  const [query, setQuery] = useState('');
  const [crowd, setCrowd] = useState(NO_CROWD);
  if (!panel) return null;
  const people = members?.list ?? (crowd.room === opened.room ? crowd.people : []);

  if (panel.kind === 'profile') {
    const person = people.find(({ userId }) => userId === panel.userId);
    return (
      <Panel key={panel.userId} title={texts.profile}>
        <Profile
          userId={panel.userId}
          person={person}
          isLookAlike={person !== undefined && looksLikeAnother(person, people)}
          opened={opened}
        />
      </Panel>
    );
  }
  const found = people.filter(({ username }) =>
    username.toLocaleLowerCase().includes(query.toLocaleLowerCase()),
  );
  return (
    <Panel key="members" title={texts.members}>
      {members && !members.list ? (
        <CrowdList room={opened.room} users={members.users} crowd={crowd} setCrowd={setCrowd} />
      ) : (
        <>
          <input
            type="search"
            class="panel-search"
            aria-label={texts.findMember}
            placeholder={texts.findMember}
            value={query}
            onInput={({ currentTarget: { value } }) => setQuery(value)}
          />
          <ul class="members">
            {found.map((person) => (
              <li key={person.userId}>
                <MemberButton person={person} isLookAlike={looksLikeAnother(person, people)} />
              </li>
            ))}
          </ul>
          {members && found.length === 0 && <p class="panel-note">{texts.noMember}</p>}
        </>
      )}
    </Panel>
  );
}

/** Takes the focus when it opens, and gives it back to the button of the room's head. */
function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  const { router } = usePage();
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);

  function close(): void {
    router.open(undefined);
    document.querySelector<HTMLElement>('.members-button')?.focus();
  }

  return (
    <aside
      class="panel"
      aria-label={title}
      ref={box}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <DialogHead title={title} onClose={close} />
      {children}
    </aside>
  );
}
