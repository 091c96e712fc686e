import { describe, expect, it } from 'vitest';
import { createSequence } from '../../src/client/sequence.ts';
import type { ChatMessage, Joined, RoomEntry } from '../../src/protocol/rooms.ts';

/** `e1:3` is the third of epoch e1. */
function message(place: string): ChatMessage {
  const [epoch = '', seq] = place.split(':');
  const data = { username: 'Ada', userId: 'ada', text: place, type: 0 };
  return { event: 'broadcast_say', roomid: 'tea', epoch, seq: Number(seq), id: place, at: 0, data };
}

function joined(top: string, places: readonly string[], recovered?: boolean): Joined {
  const { epoch, seq } = message(top);
  const counts = { users: 1, clients: 1, more: false };
  return { roomid: 'tea', epoch, seq, recovered, messages: places.map(message), ...counts };
}

/** A sequence that received the listed entries. */
function standing(top: string, places: readonly string[] = []) {
  const sequence = createSequence();
  sequence.admit(joined(top, places));
  return sequence;
}

const texts = (messages: readonly RoomEntry[]) => messages.map(({ id }) => id);

describe('an answer to a resume', () => {
  it.each<[string, string, Joined, string[], object | undefined]>([
    ['everything', 'e1:2', joined('e1:4', ['e1:3', 'e1:4'], true), ['e1:3', 'e1:4'], undefined],
    ['nothing new', 'e1:2', joined('e1:2', [], true), [], undefined],
    [
      'everything, of two epochs',
      'e1:2',
      joined('e2:4', ['e1:3', 'e2:4'], true),
      ['e1:3', 'e2:4'],
      undefined,
    ],
    [
      'the latest page, reaching back',
      'e1:2',
      joined('e1:4', ['e1:1', 'e1:2', 'e1:3', 'e1:4'], false),
      ['e1:3', 'e1:4'],
      undefined,
    ],
    [
      'the latest page, not reaching back',
      'e1:2',
      joined('e1:9', ['e1:8', 'e1:9'], false),
      ['e1:8', 'e1:9'],
      { from: 3, to: 7, reason: 'trimmed' },
    ],
    ['an empty page', 'e1:2', joined('e1:9', [], false), [], { from: 3, to: 9, reason: 'trimmed' }],
    [
      'less than it promises',
      'e1:2',
      joined('e1:9', ['e1:9'], true),
      ['e1:9'],
      { from: 3, to: 8, reason: 'trimmed' },
    ],
    [
      'a log that lost its tail and went on',
      'e1:3',
      joined('e2:4', ['e1:1', 'e1:2', 'e2:3', 'e2:4'], false),
      ['e2:3', 'e2:4'],
      { from: 3, to: 3, reason: 'epoch' },
    ],
    [
      'a log that lost its tail and is quiet since',
      'e1:3',
      joined('e2:2', ['e1:1', 'e1:2'], false),
      [],
      { from: 3, to: 3, reason: 'epoch' },
    ],
    ['an empty store', 'e1:3', joined('e2:0', [], false), [], { from: 1, to: 3, reason: 'epoch' }],
    [
      'a new store that is further already',
      'e1:3',
      joined('e2:9', ['e2:8', 'e2:9'], false),
      ['e2:8', 'e2:9'],
      { from: 4, to: 7, reason: 'epoch' },
    ],
    [
      'another history whose numbers happen to meet ours',
      'e1:3',
      joined('e2:4', ['e2:4'], false),
      ['e2:4'],
      { from: 3, to: 3, reason: 'epoch' },
    ],
  ])('with %s', (_title, from, answer, fresh, gap) => {
    const sequence = standing(from);
    const admission = sequence.admit(answer);
    expect(texts(admission.fresh)).toEqual(fresh);
    expect(admission.gap).toEqual(gap && { roomid: 'tea', epoch: answer.epoch, ...gap });
    expect(sequence.position()).toEqual({ epoch: answer.epoch, seq: answer.seq });
  });
});

it('offers each message of the order once, whatever comes between', () => {
  const sequence = standing('e1:1');
  const places = ['e1:2', 'e1:2', 'e1:1', 'e1:4', 'e1:3', 'e2:4', 'e1:5', 'e2:4', 'e2:5', 'e3:9'];
  expect(places.map((place) => sequence.offer(message(place)))).toEqual([
    'next',
    'repeat',
    'repeat',
    'hole',
    'next',
    'next',
    'hole',
    'repeat',
    'next',
    'hole',
  ]);
});

it('counts an own message that is left out once everything before it came', () => {
  const sequence = standing('e1:1');
  sequence.acked({ epoch: 'e1', seq: 3 });
  expect(sequence.position()?.seq).toBe(1);
  expect(sequence.offer(message('e1:2'))).toBe('next');
  expect(sequence.position()?.seq).toBe(3);
  sequence.acked({ epoch: 'e0', seq: 4 });
  sequence.acked({ epoch: 'e1', seq: 2 });
  expect(sequence.position()?.seq).toBe(3);
  sequence.acked({ epoch: 'e1', seq: 4 });
  expect(sequence.position()?.seq).toBe(4);
});

it('leaves a gap of the server alone that begins behind what it lacks itself', () => {
  const sequence = standing('e1:1');
  sequence.skip({ roomid: 'tea', epoch: 'e1', from: 4, to: 6, reason: 'trimmed' });
  expect(sequence.position()?.seq).toBe(1);
  sequence.skip({ roomid: 'tea', epoch: 'e1', from: 2, to: 6, reason: 'trimmed' });
  expect(sequence.position()?.seq).toBe(6);
});
