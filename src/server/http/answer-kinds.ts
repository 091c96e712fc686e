import type { ServerResponse } from 'node:http';

/** The media type of each kind of answer. */
export const MEDIA = {
  json: 'application/json',
  text: 'text/plain',
  events: 'text/event-stream',
  lines: 'application/x-ndjson',
} as const;

export type AnswerKind = keyof typeof MEDIA;

/** The answer of a route that streams: writes the response itself. */
export type StartStream = (response: ServerResponse) => void;

export function isStreamed(kind: AnswerKind): boolean {
  return kind === 'events' || kind === 'lines';
}

/** The headers of every streamed answer: no hook of the framework sees one. */
export const STREAM_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const;
