import type { HostEvent } from '../host-view/view.ts';
import { clock } from './format.ts';
import { Table } from './tables.tsx';

/** The events of the host and its processes, the newest first. */
export function EventList({ events }: { readonly events: readonly HostEvent[] }) {
  return (
    <section class="card events" aria-labelledby="events">
      <h2 id="events">Events</h2>
      <Table
        title="Events"
        columns={['time', 'slot', 'pid', 'what happened']}
        numbersFrom={4}
        rows={events.map(({ at, level, slot, pid, text }, index) => ({
          id: events.length - index,
          cells: [
            <time key="time" dateTime={new Date(at).toISOString()}>
              {clock(at)}
            </time>,
            slot ?? '',
            pid || '',
            <>
              {level !== 'info' && <strong class={level}>{level}: </strong>}
              {text}
            </>,
          ],
        }))}
      />
    </section>
  );
}
