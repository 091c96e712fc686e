import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuse, type WireError } from '../../protocol/codes.ts';
import { sessionIdOf } from '../../protocol/session-id.ts';
import { refuseUpgrade } from './refused-upgrades.ts';

/** The reasons why a request opens no session; answered before Engine.IO sees the request. */
export interface ConnectRefusal {
  readonly status: '429 Too Many Requests' | '503 Service Unavailable';
  readonly error: WireError;
}

export function addressIsTooFast(waitMs: number): ConnectRefusal {
  const { error } = refuse('rate_limited', 'too many connects from this address', waitMs);
  return { status: '429 Too Many Requests', error };
}

/** Nobody knows when a client leaves, so the answer names no time. */
export function workerIsFull(): ConnectRefusal {
  const { error } = refuse('unavailable', 'this worker has as many connections as it serves');
  return { status: '503 Service Unavailable', error };
}

/** Returns whether the request opens an Engine.IO session; others belong to one. */
export function opensSession({ url = '' }: IncomingMessage): boolean {
  return sessionIdOf(url) === undefined;
}

export function refuseConnect(response: ServerResponse, { status, error }: ConnectRefusal): void {
  response.writeHead(Number.parseInt(status, 10), headersOf(error));
  response.end(JSON.stringify({ error }));
}

export function refuseConnectUpgrade(socket: Duplex, { status, error }: ConnectRefusal): void {
  const body = JSON.stringify({ error });
  const headers = {
    Connection: 'close',
    ...headersOf(error),
    'Content-Length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  refuseUpgrade(socket, `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`);
}

function headersOf({ retryAfterMs }: WireError): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    ...(retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) }),
  };
}
