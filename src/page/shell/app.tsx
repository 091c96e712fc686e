import { useState } from 'preact/hooks';
import type { Session } from '../session/session.ts';
import type { Arrival, Visit } from '../session/visit.ts';
import { EntryForm } from './entry-form.tsx';
import { RoomScreen } from './room-screen.tsx';

export interface AppProps {
  readonly arrival: Arrival;
  readonly open: (visit: Visit) => Session;
  /** Ends the stay; returns the initial values of the first screen. */
  readonly leave: (session: Session) => Arrival;
}

export function App({ arrival, open, leave }: AppProps) {
  const [start, setStart] = useState(arrival);
  const [session, setSession] = useState(() => arrival.visit && open(arrival.visit));
  if (!session) return <EntryForm arrival={start} onEnter={(visit) => setSession(open(visit))} />;
  return (
    <RoomScreen
      session={session}
      onLeave={() => {
        setStart(leave(session));
        setSession(undefined);
      }}
    />
  );
}
