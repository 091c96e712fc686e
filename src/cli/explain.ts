import { hostInUrl } from '../host-names.ts';
import type { MessageTrace } from '../message-trace.ts';
import { explanationOf } from './explanation.ts';
import type { Printer } from './nginx.ts';
import { EXIT, type GivenOptions, readOptions } from './options.ts';
import type { StatusSettings } from './status.ts';

/** The search and the workers of other hosts take up to 15 s together. */
const TIMEOUT_MS = 30_000;

/** Explains what became of one message. */
export async function runExplain(
  args: readonly string[],
  { adminHost, adminPort }: StatusSettings,
  print: Printer,
): Promise<number> {
  const given = readOptions(COMMAND, args, print, checkWords);
  if (typeof given === 'number') return given;
  const { values, words } = given;
  const host = ['0.0.0.0', '0', '::'].includes(adminHost) ? '127.0.0.1' : adminHost;
  const url = `http://${hostInUrl(host)}:${adminPort}/explain`;
  const [first = '', seq] = words;
  const named = seq === undefined ? { id: first, room: values.room } : { room: first, seq };
  const query = Object.entries({ ...named, user: values.user, to: values.to, ns: values.ns }).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  const trace = await ask(`${url}?${new URLSearchParams(query)}`);
  if ('problem' in trace) {
    print.err(
      `roomcast explain: ${trace.problem ?? `nothing answers at ${url}; is Roomcast running, with this ADMIN_PORT?`}\n`,
    );
    return EXIT.failed;
  }
  print.out(values.json ? `${JSON.stringify(trace, null, 2)}\n` : explanationOf(trace));
  return trace.messages.some(({ state }) => state !== 'never') ? EXIT.ok : NOT_FOUND;
}

/** `problem`: the server's own words; undefined if nothing answers. */
async function ask(url: string): Promise<MessageTrace | { readonly problem: string | undefined }> {
  try {
    const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = (await response.json()) as MessageTrace & { readonly error?: { readonly message: string } };
    return response.ok ? body : { problem: body.error?.message ?? `the answer is ${response.status}` };
  } catch {
    return { problem: undefined };
  }
}

function checkWords({ words, values }: GivenOptions): string[] {
  const [first, seq, ...more] = words;
  if (first === undefined) return ['which message? Give its ID, or ROOM and SEQ'];
  if (more.length > 0) return [`${JSON.stringify(more[0])} is one word too many`];
  if (values.to !== undefined && (seq !== undefined || values.room !== undefined))
    return ['--to belongs to an ID without --room: a message to a user is in no room'];
  if (seq === undefined) return [];
  const problems = /^[1-9]\d{0,14}$/.test(seq)
    ? []
    : [`SEQ must be a whole number from 1, not ${JSON.stringify(seq)}`];
  return values.room === undefined ? problems : [...problems, '--room belongs to an ID, not to ROOM and SEQ'];
}

const NOT_FOUND = 3;

const HELP = `Usage: roomcast explain ID [--room ROOM | --to USER] [--user USER] [options]
       roomcast explain ROOM SEQ [--user USER] [options]

Explains what became of a message: whether it is stored, which workers have it, which connections
it was written to and why not to others. ID is a clientMsgId or the id that the server gave.
Without --room it searches the rooms that somebody is in, and with --user also the user's rooms
and inbox. Each worker remembers its newest 500 refusals, those of the HTTP API included. It never
shows a text. It asks the primary at ADMIN_HOST and ADMIN_PORT from this machine, and through it
the workers of all hosts.

  --room ROOM  the room of the message
  --user USER  also show the connections, markers and inbox of this user; a message that has been
               deleted, or has left the room's log, is found by its clientMsgId only if USER sent
               it, and for as long as DEDUPE_TTL_S
  --to USER    the receiver of a private message, whose inbox has it; it is found by its clientMsgId
               only if --user names the sender
  --ns NS      the namespace [/]
  --json       print it as JSON

Examples:
  roomcast explain 0f8a2f9e-5c55-4bb2-9d0b-6a4b0d6c9f10 --room lobby --user bob
  roomcast explain lobby 41

Exit code: 0 found, 1 no primary answers or the store is away, 2 wrong arguments, 3 no such message.
`;

const COMMAND = {
  name: 'explain',
  help: HELP,
  options: { room: 'string', user: 'string', to: 'string', ns: 'string', json: 'boolean' },
} as const;
