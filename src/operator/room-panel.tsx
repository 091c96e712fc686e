import { useEffect, useRef, useState } from 'preact/hooks';
import { ConfirmButton } from './confirm-button.tsx';
import { clock, count } from './format.ts';
import { KeyForm } from './key-form.tsx';
import { LiftForm } from './lift-form.tsx';
import {
  createRoomApi,
  type RoomApi,
  RoomApiError,
  type RoomMessage,
  type RoomOverview,
} from './room-api.ts';
import type { RoomName } from './rooms.tsx';
import { Table } from './tables.tsx';

export interface RoomPanelProps {
  readonly room: RoomName;
  readonly apiKey: string;
  readonly setKey: (key: string) => void;
  readonly close: () => void;
}

const MUTE_S = 600;
const BAN_S = 3_600;

/** A room from within: its members and newest messages, with what a moderator may do. All of it needs an API key. */
export function RoomPanel({ room, apiKey, setKey, close }: RoomPanelProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [overview, setOverview] = useState<RoomOverview>();
  const [notice, setNotice] = useState('');

  async function attempt(
    task: (api: RoomApi) => Promise<unknown>,
    done: string,
    key = apiKey,
  ): Promise<void> {
    const api = createRoomApi({ ...room, key });
    try {
      await task(api);
      setOverview(await api.overview());
      setKey(key);
      setNotice(done);
    } catch (error) {
      setNotice(error instanceof RoomApiError ? `Refused: ${error.message}` : String(error));
    }
  }

  useEffect(() => {
    dialog.current?.showModal();
    if (apiKey !== '') void attempt(async () => {}, '');
  }, []);

  return (
    <dialog ref={dialog} aria-labelledby="room" onClose={close}>
      <div class="panel-head">
        <h2 id="room">Room {room.roomid}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <p role="status" class="notice">
        {notice}
      </p>
      {overview === undefined ? (
        <KeyForm use={(key) => void attempt(async () => {}, '', key)}>
          Members and messages are shown, and may be moderated, with an API key of this cluster.
        </KeyForm>
      ) : (
        <>
          <p>
            {count(overview.users)} users with {count(overview.clients)} connections on all hosts;{' '}
            {count(overview.top)} messages so far.{' '}
            <button type="button" onClick={() => void attempt(async () => {}, '')}>
              Refresh
            </button>{' '}
            <button
              type="button"
              onClick={() => {
                setKey('');
                setOverview(undefined);
                setNotice('The key is forgotten.');
              }}
            >
              Forget the key
            </button>
          </p>
          <Members overview={overview} attempt={attempt} />
          <LiftForm attempt={attempt} />
          <Messages overview={overview} attempt={attempt} />
        </>
      )}
    </dialog>
  );
}

interface PartProps {
  readonly overview: RoomOverview;
  readonly attempt: (task: (api: RoomApi) => Promise<unknown>, done: string) => Promise<void>;
}

function Members({ overview: { members, moreMembers }, attempt }: PartProps) {
  return (
    <section aria-labelledby="members">
      <h3 id="members">Members{moreMembers ? ', the first by id' : ''}</h3>
      <Table
        title="Members"
        columns={['name', 'user', 'connections', 'moderate']}
        numbersFrom={4}
        rows={members.map(({ userId, username, clients }) => ({
          id: userId,
          cells: [
            username,
            userId,
            count(clients),
            <span key="actions" class="actions">
              <ConfirmButton
                label="Kick"
                question={`Kick ${username}?`}
                run={() => void attempt((api) => api.kick(userId), `${username} is kicked.`)}
              />
              <ConfirmButton
                label="Mute 10 min"
                question={`Mute ${username}?`}
                run={() =>
                  void attempt((api) => api.mute(userId, MUTE_S), `${username} is muted for 10 minutes.`)
                }
              />
              <ConfirmButton
                label="Ban 1 h"
                question={`Ban ${username}?`}
                run={() =>
                  void attempt((api) => api.ban(userId, BAN_S), `${username} is banned for an hour.`)
                }
              />
            </span>,
          ],
        }))}
        empty="nobody is in the room"
      />
    </section>
  );
}

function Messages({ overview: { messages }, attempt }: PartProps) {
  return (
    <section aria-labelledby="messages">
      <h3 id="messages">Newest messages</h3>
      <Table
        title="Messages"
        columns={['time', 'author', 'text', 'moderate']}
        numbersFrom={4}
        rows={messages.toReversed().map((message) => ({
          id: message.seq,
          cells: [
            <time key="time" dateTime={new Date(message.at).toISOString()}>
              {clock(message.at)}
            </time>,
            message.data?.username ?? message.by?.username ?? '',
            <span key="text" class="text">
              {isSaid(message) ? (
                message.data?.text
              ) : (
                <em>{message.deleted ? 'deleted message' : message.event}</em>
              )}
            </span>,
            isSaid(message) && (
              <ConfirmButton
                label="Delete"
                question="Delete it?"
                run={() =>
                  void attempt((api) => api.remove(message.seq), `Message ${message.seq} is deleted.`)
                }
              />
            ),
          ],
        }))}
        empty="no message yet"
      />
    </section>
  );
}

const isSaid = ({ event, deleted }: RoomMessage) => event === 'broadcast_say' && !deleted;
