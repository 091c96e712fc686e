import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from './format.ts';
import { KeyForm } from './key-form.tsx';
import { type ListedRoom, type ListedRooms, listRooms, RoomApiError } from './room-api.ts';
import type { RoomName } from './rooms.tsx';
import { Table } from './tables.tsx';

export interface AllRoomsProps {
  readonly nsp: string;
  readonly apiKey: string;
  readonly setKey: (key: string) => void;
  readonly open: (room: RoomName) => void;
  readonly close: () => void;
}

/** The rooms of a namespace that have members on any host, by id and in pages. They need an API key. */
export function AllRooms({ nsp, apiKey, setKey, open, close }: AllRoomsProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [rooms, setRooms] = useState<readonly ListedRoom[]>();
  const [next, setNext] = useState<string>();
  const [notice, setNotice] = useState('');

  async function read(before: readonly ListedRoom[], after: string | undefined, key = apiKey): Promise<void> {
    try {
      const page: ListedRooms = await listRooms({ nsp, key, after });
      setRooms([...before, ...page.rooms]);
      setNext(page.next);
      setKey(key);
      setNotice('');
    } catch (error) {
      setNotice(error instanceof RoomApiError ? `Refused: ${error.message}` : String(error));
    }
  }

  useEffect(() => {
    dialog.current?.showModal();
    if (apiKey !== '') void read([], undefined);
  }, []);

  return (
    <dialog ref={dialog} aria-labelledby="all-rooms" onClose={close}>
      <div class="panel-head">
        <h2 id="all-rooms">Rooms of all hosts{nsp === '/' ? '' : ` in ${nsp}`}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <p role="status" class="notice">
        {notice}
      </p>
      {rooms === undefined ? (
        <KeyForm use={(key) => void read([], undefined, key)}>
          The rooms are listed with an API key of this cluster.
        </KeyForm>
      ) : (
        <>
          <p>
            {count(rooms.length)} rooms{next === undefined ? '' : ', the first by id'}.{' '}
            <button type="button" onClick={() => void read([], undefined)}>
              Refresh
            </button>
          </p>
          <Table
            title="Rooms of all hosts"
            columns={['room', 'users', 'clients']}
            numbersFrom={1}
            rows={rooms.map(({ roomid, users, clients }) => ({
              id: roomid,
              cells: [
                <button key="open" type="button" class="link" onClick={() => open({ nsp, roomid })}>
                  {roomid}
                </button>,
                count(users),
                count(clients),
              ],
            }))}
            empty="nobody is in a room"
          />
          {next !== undefined && (
            <button type="button" onClick={() => void read(rooms, next)}>
              More rooms
            </button>
          )}
        </>
      )}
    </dialog>
  );
}
