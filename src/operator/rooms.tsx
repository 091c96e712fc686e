import { useState } from 'preact/hooks';
import type { RoomsView, RoomView } from '../host-view/view.ts';
import { count } from './format.ts';
import { Table } from './tables.tsx';

export interface RoomName {
  readonly nsp: string;
  readonly roomid: string;
}

export interface RoomsProps {
  readonly rooms: RoomsView;
  readonly open: (room: RoomName) => void;
  /** Lists the rooms of a namespace on all hosts. */
  readonly openAll: (nsp: string) => void;
}

/** The largest and the busiest rooms of this host, and a way into any room. */
export function Rooms({ rooms, open, openAll }: RoomsProps) {
  const [wanted, setWanted] = useState('');
  const [nsp, setNsp] = useState('/');
  const name = (room: RoomView) => (room.nsp === '/' ? room.roomid : `${room.roomid} in ${room.nsp}`);
  const rows = (list: readonly RoomView[]) =>
    list.map((room) => ({
      id: `${room.nsp} ${room.roomid}`,
      cells: [
        <button key="open" type="button" class="link" onClick={() => open(room)}>
          {name(room)}
        </button>,
        count(room.clients),
        count(room.messages),
        count(room.deliveries),
      ],
    }));
  const columns = ['room', 'clients', 'messages/s', 'deliveries/s'];
  return (
    <>
      <div class="columns">
        <section class="card" aria-labelledby="largest">
          <h2 id="largest">Largest rooms of this host</h2>
          <Table title="Largest rooms" columns={columns} numbersFrom={1} rows={rows(rooms.largest)} />
        </section>
        <section class="card" aria-labelledby="busiest">
          <h2 id="busiest">Busiest rooms of this host</h2>
          <Table
            title="Busiest rooms"
            columns={columns}
            numbersFrom={1}
            rows={rows(rooms.busiest)}
            empty="nothing was written in the last seconds"
          />
        </section>
      </div>
      {rooms.missing.map(({ slot, reason }) => (
        <p class="warning" key={slot}>
          The rooms of the worker of slot {slot} are missing: {reason}.
        </p>
      ))}
      <form
        class="open-room"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted.trim() !== '') open({ nsp: nsp.trim(), roomid: wanted.trim() });
        }}
      >
        <label>
          Another room{' '}
          <input
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
            autocomplete="off"
          />
        </label>
        <label>
          Namespace{' '}
          <input
            value={nsp}
            onInput={({ currentTarget }) => setNsp(currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
          />
        </label>
        <button type="submit">Open</button>
        <button type="button" onClick={() => openAll(nsp.trim())}>
          Rooms of all hosts
        </button>
      </form>
    </>
  );
}
