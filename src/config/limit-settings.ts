import { integer, type Rate, rate } from './grammar.ts';
import { setting } from './setting.ts';

/** Limits of one client, one room or one address; a part of the table of settings. */
export const LIMIT_SETTINGS = {
  maxTextBytes: setting(
    'MAX_TEXT_BYTES',
    8192,
    integer(1, 262_144),
    'longest text of one message, in UTF-8 bytes',
  ),
  maxRoomsPerClient: setting(
    'MAX_ROOMS_PER_CLIENT',
    50,
    integer(1, 10_000),
    'rooms that one connection may be in',
  ),
  maxRoomClients: setting(
    'MAX_ROOM_CLIENTS',
    0,
    integer(0, 10_000_000),
    'connections that one room may have, on all hosts together. A full room still admits the first connection of a member on another worker, since a client that moves is on both for a moment. 0 = no limit',
  ),
  maxWorkerClients: setting<number | 'derived'>(
    'MAX_WORKER_CLIENTS',
    'derived',
    integer(0, 10_000_000),
    'connections that one worker serves. Further ones are answered with HTTP 503 until one ends; stock clients try again. 0 = no limit',
    'nine tenths of the files that a worker may open',
  ),
  rateSay: setting(
    'RATE_SAY',
    { perMs: 20 / 1000, burst: 40 } as { perMs: number; burst: number } | undefined,
    rate,
    'messages that one connection may send; a user may send twice that on one worker. 0 = no limit',
    '20/1s burst 40',
  ),
  rateSignal: setting(
    'RATE_SIGNAL',
    { perMs: 30 / 1000, burst: 60 } as { perMs: number; burst: number } | undefined,
    rate,
    'signals that one connection may send. 0 = no limit',
    '30/1s burst 60',
  ),
  rateRooms: setting<Rate | undefined | 'derived'>(
    'RATE_ROOMS',
    'derived',
    rate,
    'rooms that one connection may create: those it joins and the store does not know. 0 = no limit',
    '60/1m burst 200, more with MAX_ROOMS_PER_CLIENT, off without RATE_SAY or RATE_SIGNAL',
  ),
  rateEvents: setting<Rate | undefined | 'derived'>(
    'RATE_EVENTS',
    'derived',
    rate,
    'events of any kind that one connection may send, refused ones included. A connection that keeps exceeding it is closed with bye 3504. 0 = no limit',
    '100/1s burst 1000, more with RATE_SAY or RATE_SIGNAL, off without one of them',
  ),
  rateBytes: setting<Rate | undefined | 'derived'>(
    'RATE_BYTES',
    'derived',
    rate,
    'bytes that one connection may send; the same happens beyond it',
    '1.3 MB/1s burst 4 MB, more with RATE_SAY, RATE_SIGNAL and MAX_TEXT_BYTES, off without one of the first two',
  ),
  rateStored: setting<Rate | undefined | 'derived'>(
    'RATE_STORED',
    'derived',
    rate,
    'bytes that one user may have stored in rooms and inboxes, on one worker; in open mode one address four times that. Back ends have no such limit. 0 = no limit',
    '72 MB/1h burst 32 MB, more with RATE_SAY, off without it',
  ),
  rateConnect: setting<Rate | undefined>(
    'RATE_CONNECT',
    undefined,
    rate,
    'connections that one address (IPv6: /64) may open on one worker. 0 = no limit',
    '0',
  ),
  rateAdmit: setting(
    'RATE_ADMIT',
    0,
    integer(0, 1_000_000),
    'connects per second that all hosts together let in. A client beyond it is told by bye 3504 when its turn is. 0 = no limit',
  ),
} as const;
