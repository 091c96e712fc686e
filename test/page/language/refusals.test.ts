import { expect, it } from 'vitest';
import { refuseBlocked, refuseBlockedMentions, refuseMoreBlocks } from '../../../src/chat/blocks.ts';
import { refuseExcluded } from '../../../src/chat/exclusions.ts';
import { refuseRestricted } from '../../../src/chat/moderation.ts';
import { ClientError } from '../../../src/client/index.ts';
import { describeDraftProblem, describeProblem } from '../../../src/page/language/problems.ts';
import { type Refused, refusalOf, refusedBy } from '../../../src/page/language/refusals.ts';
import { createLanguage } from '../../../src/page/language/texts.ts';
import { zh } from '../../../src/page/language/zh.ts';
import { type Refusal, refuse } from '../../../src/protocol/codes.ts';
import { reservedName } from '../../../src/server/events/naming.ts';

const [english, chinese] = [createLanguage('en', ['en-GB']), createLanguage('zh', ['zh-CN'], zh)];
const allReserved = { identities: { isReserved: () => true } } as unknown as Parameters<
  typeof reservedName
>[2];

/** The server's own refusals, or its words where other tests hold it to them. */
const REFUSALS: readonly (readonly [Refused, Refusal | undefined, string])[] = [
  ['banned', refuseRestricted('ban'), 'You are banned from this room.'],
  ['muted', refuseRestricted('mute'), 'Not sent: you were muted in this room.'],
  ['excluded', refuseExcluded({ ban: {} }, {}, 0), 'You are banned from this server.'],
  ['full', refuse('limit', 'roomid: the room is full'), 'This room is full.'],
  [
    'too_many_rooms',
    refuse('limit', 'roomid: a connection may be in 50 rooms'),
    'You are in too many rooms. Leave one to enter another.',
  ],
  ['not_taken', refuseBlocked(), 'Not sent: somebody it is for takes no messages from you.'],
  ['not_taken', refuseBlockedMentions(['ann']), 'Not sent: somebody it is for takes no messages from you.'],
  ['too_many_blocks', refuseMoreBlocks(), 'You have blocked too many people. Unblock one first.'],
  [
    'reserved',
    reservedName('Admin', 'username', allReserved),
    'This name is reserved. Please choose another one.',
  ],
  [
    'reserved',
    refuse('bad_request', 'auth.username: is reserved'),
    'This name is reserved. Please choose another one.',
  ],
];

it.each(REFUSALS)('tells %s apart by the words of the server', (refused, refusal, sentence) => {
  if (!refusal) throw new Error('the server refuses nothing');
  const { code, message } = refusal.error;
  expect(refusalOf(new ClientError(code, message), 0)).toEqual({ code: refused, message });
  expect(describeProblem(english, { code, message }, 0)).toBe(sentence);
  expect(describeDraftProblem(english, { code, message })).toBe(sentence);
  expect(describeProblem(chinese, { code, message }, 0)).toMatch(/^[^a-z]+。$/i);
});

it('says until when a ban lasts, and of no other refusal', () => {
  const ended = ({ error: { code, message, retryAfterMs } }: Refusal) =>
    refusalOf(new ClientError(code, message, false, retryAfterMs), 1_000).until;
  expect(ended(refuseRestricted('ban', 60_000))).toBe(61_000);
  expect(ended(refuseRestricted('ban'))).toBeUndefined();
  expect(ended(refuse('rate_limited', 'roomid: too fast', 60_000))).toBeUndefined();
  const excluded = refuseExcluded({ ban: { until: 61_000 } }, {}, 1_000);
  expect(excluded && ended(excluded)).toBe(61_000);
});

it('tells a kick from a ban by the words of the SDK', () => {
  const code = (message: string) => refusedBy({ code: 'forbidden' as const, message });
  expect(code('you were removed from this room')).toBe('kicked');
  expect(code('you are banned from this room')).toBe('banned');
});

it('leaves the code of other refusals, whatever words of people are in them', () => {
  expect(refusedBy({ code: 'forbidden' as const, message: 'roomid: the right read is missing in tea' })).toBe(
    'forbidden',
  );
  expect(
    refusedBy({ code: 'forbidden' as const, message: 'no talk about who was banned from this room' }),
  ).toBe('forbidden');
  expect(refusedBy({ code: 'not_found' as const, message: 'roomid: the room is full' })).toBe('not_found');
  expect(refusedBy({ code: 'limit' as const, message: 'the outbox is full' })).toBe('limit');
});
