import { useEffect, useState } from 'preact/hooks';
import type { HostView } from '../host-view/view.ts';
import { AllRooms } from './all-rooms.tsx';
import { Charts } from './charts.tsx';
import { EventList } from './event-list.tsx';
import { type FeedState, followView } from './feed.ts';
import { clock, count, lasted } from './format.ts';
import { RoomPanel } from './room-panel.tsx';
import { type RoomName, Rooms } from './rooms.tsx';
import { Counts, Hosts, Store, Workers } from './tables.tsx';

/** The operator's page: what the host does now and did in the last quarter of an hour. */
export function App() {
  const [{ view, problem }, setFeed] = useState<FeedState>({});
  const [room, setRoom] = useState<RoomName>();
  // The namespace whose rooms on all hosts are listed.
  const [listed, setListed] = useState<string>();
  // The key is in memory only: it is gone with the page.
  const [key, setKey] = useState('');
  useEffect(
    () => followView((change) => setFeed((before) => ({ ...before, problem: undefined, ...change }))),
    [],
  );

  return (
    <>
      <header>
        <h1>
          Roomcast <span class="quiet">{view?.host}</span>
        </h1>
        <p class={problem ? 'pill error' : 'pill'} role="status">
          {problem ?? (view ? stateOf(view) : 'asking the primary')}
        </p>
      </header>
      <main>
        {view && (
          <>
            <Summary view={view} />
            <Hosts view={view} />
            <Workers view={view} />
            <Charts series={view.series} to={view.at} />
            <Rooms rooms={view.rooms} open={setRoom} openAll={setListed} />
            <div class="columns">
              <Counts title="Refused" of="code" counts={view.refused} />
              <Counts title="Mended and sent away" of="what" counts={view.counts} />
              <Store store={view.store} />
            </div>
            <EventList events={view.events} />
          </>
        )}
      </main>
      {listed !== undefined && (
        <AllRooms
          key={listed}
          nsp={listed}
          apiKey={key}
          setKey={setKey}
          open={setRoom}
          close={() => setListed(undefined)}
        />
      )}
      {room && (
        <RoomPanel
          key={`${room.nsp} ${room.roomid}`}
          room={room}
          apiKey={key}
          setKey={setKey}
          close={() => setRoom(undefined)}
        />
      )}
    </>
  );
}

function stateOf({ workers, store }: HostView): string {
  const away = workers.filter(({ state }) => state !== 'ready' && state !== 'draining').length;
  if (!store.up) return 'the store does not answer';
  if (store.away.length > 0) return `${store.away.join(', ')} away`;
  return away > 0 ? `${away} of ${workers.length} workers do not serve` : 'all workers serve';
}

function Summary({ view }: { readonly view: HostView }) {
  const { cluster, primary, at } = view;
  const tiles =
    'error' in cluster
      ? []
      : (['clients', 'users', 'rooms', 'workers', 'hosts'] as const).map(
          (name) => [name, cluster[name]] as const,
        );
  return (
    <section aria-labelledby="cluster">
      <h2 id="cluster">Cluster</h2>
      {'error' in cluster && <p class="warning">{cluster.error}</p>}
      <dl class="tiles">
        {tiles.map(([name, value]) => (
          <div class="card" key={name}>
            <dt>{name}</dt>
            <dd>{count(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        Primary {primary.version}, pid {primary.pid}, up {lasted(at - primary.startedAt)}; seen at {clock(at)}
        .
      </p>
    </section>
  );
}
