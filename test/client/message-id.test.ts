import { expect, it } from 'vitest';
import { newMessageId } from '../../src/client/message-id.ts';
import { parseClientMsgId } from '../../src/protocol/names.ts';

it('makes message ids that the protocol takes, also where randomUUID is missing', () => {
  const plain = { getRandomValues: crypto.getRandomValues.bind(crypto) } as unknown as Crypto;
  const ids = [newMessageId(), newMessageId(plain), newMessageId(plain)];
  expect(ids.map(parseClientMsgId)).toEqual(ids);
  expect(new Set(ids).size).toBe(3);
});
