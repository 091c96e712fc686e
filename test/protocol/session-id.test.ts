import { Server as Engine } from 'engine.io';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionIdOf } from '../../src/protocol/session-id.ts';
import { seedOf } from '../support/seed.ts';

const SID = 'lv_VI97HAXpY6yYWAAAB';
const OTHER = 'AAAAAAAAAAAAAAAAAAAA';
const UUID = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';

/** What Engine.IO takes for the session id of this address. */
function engineFinds(target: string): unknown {
  const request = { url: target } as unknown as { _query?: { sid?: unknown } };
  (new Engine() as unknown as { prepare(request: unknown): void }).prepare(request);
  return request._query?.sid;
}

test.each([
  [`/socket.io/?EIO=4&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&EIO=4`, SID],
  [`/socket.io/?classid=${UUID}&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&accessid=${UUID}`, SID],
  [`/socket.io/?businessid=${OTHER}&EIO=4`, undefined],
  [`/socket.io/?sid=${OTHER}&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&sid=short`, 'short'],
  [`/socket.io/?sid=${SID}&sid=`, undefined],
  [`/socket.io/?%73id=${SID}`, SID],
  [`/socket.io/?q=a?sid=${OTHER}&sid=${SID}`, SID],
  [`/socket.io/?EIO=4#&sid=${SID}`, undefined],
  [`/sid=${SID}`, undefined],
  [`http://chat.example/socket.io/?sid=${SID}`, SID],
  ['//', undefined],
  ['*', undefined],
])('finds the session id in %s', (target, sessionId) => {
  expect(sessionIdOf(target)).toBe(sessionId);
});

test('finds the session id that Engine.IO finds', () => {
  const name = fc.constantFrom('sid', 'Sid', '%73id', 'classid', 'EIO', '?sid', '');
  const value = fc.constantFrom(SID, OTHER, UUID, '4', '', `%41${SID.slice(1)}`, `${SID}+`, `${SID}#`);
  const query = fc.array(fc.tuple(name, value), { maxLength: 6 });
  fc.assert(
    fc.property(query, (parameters) => {
      const target = `/socket.io/?${parameters.map((pair) => pair.join('=')).join('&')}`;
      expect(sessionIdOf(target)).toBe(engineFinds(target) || undefined);
    }),
    { seed: seedOf(12) },
  );
});
