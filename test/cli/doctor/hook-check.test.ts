import { expect, it } from 'vitest';
import { checkHooks } from '../../../src/cli/doctor/hook-check.ts';
import { HOOK_SECRET, openHookReceiver } from '../../support/hook-receiver.ts';

it('posts a signed request without events to the receiver, and finds one that refuses it or is not there', async () => {
  const receiver = await openHookReceiver();
  const bodies: string[] = [];
  let status = 204;
  receiver.answer((body) => {
    bodies.push(body);
    return { status };
  });
  const check = () =>
    checkHooks({ hookUrl: receiver.url, hookSecret: HOOK_SECRET, hookTimeoutMs: 5_000, now: Date.now });
  expect(await check()).toEqual([]);
  status = 401;
  expect(await check()).toEqual([
    {
      subject: 'webhooks',
      problem: 'the receiver of HOOK_URL answers a signed request without events with status 401',
      fix: 'Let it answer 2xx; if it refuses the signature, compare HOOK_SECRET and the clocks',
    },
  ]);
  expect([bodies, receiver.seen.forged, receiver.taken]).toEqual([['{"events":[]}', '{"events":[]}'], 0, []]);
  await receiver.kill();
  expect(await check()).toEqual([
    {
      subject: 'webhooks',
      problem: expect.stringMatching(
        /^the receiver of HOOK_URL does not answer: (ECONNREFUSED|UND_ERR_SOCKET)$/,
      ),
      fix: 'Start it, or correct HOOK_URL',
    },
  ]);
});
