import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import type { SayAck } from '../protocol/rooms.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { ClientError, errorOf } from './client-error.ts';
import type { Connection } from './connection.ts';
import { newMessageId } from './message-id.ts';
import type { Room } from './room.ts';

/** Asks the server to change a message. Each request is safe to repeat. */
export function createMessageRequests(
  roomid: string,
  connection: Pick<Connection, 'ask' | 'state'>,
): Pick<Room, 'edit' | 'delete' | 'react'> {
  function ask<E extends EventName & ('edit' | 'delete' | 'react')>(
    event: E,
    payload: PayloadInput<E>,
  ): Promise<SayAck> {
    return new Promise((resolve, reject) => {
      askUntilAnswered<'edit' | 'delete' | 'react'>(connection, event, payload, (answer) => {
        if (!answer) reject(new ClientError('unavailable', 'not connected', true));
        else if (!answer.ok) reject(errorOf(answer.error));
        else {
          const { ok: _, ...stored } = answer;
          resolve(stored);
        }
      });
    });
  }

  return {
    edit: (seq, { text, data, clientMsgId = newMessageId() }) =>
      ask('edit', { roomid, seq, clientMsgId, text, data }),
    delete: (seq) => ask('delete', { roomid, seq, clientMsgId: newMessageId() }),
    react: (seq, reaction, on = true) => ask('react', { roomid, seq, reaction, on }),
  };
}
