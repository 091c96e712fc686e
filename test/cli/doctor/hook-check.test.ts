import { expect, it } from 'vitest';
import { checkHooks } from '../../../src/cli/doctor/hook-check.ts';
import { HOOK_SECRET, openHookReceiver } from '../../support/hook-receiver.ts';

const settings = {
  hookUrl: undefined,
  hookSecret: HOOK_SECRET,
  hookTimeoutMs: 5_000,
  hookBeforeSayUrl: undefined,
  hookBeforeSayTimeoutMs: 5_000,
  now: Date.now,
  newId: () => 'id-1',
};

it('posts a signed request without events to the receiver, and finds one that refuses it or is not there', async () => {
  const receiver = await openHookReceiver();
  const bodies: string[] = [];
  let status = 204;
  receiver.answer((body) => {
    bodies.push(body);
    return { status };
  });
  const check = () => checkHooks({ ...settings, hookUrl: receiver.url });
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

it('posts a signed trial to the receiver that is asked before a message, and finds one that gives no verdict', async () => {
  const receiver = await openHookReceiver();
  let answer: { status: number; body?: string } = { status: 200, body: '{"allow":false}' };
  const bodies: unknown[] = [];
  receiver.review((body) => {
    bodies.push(JSON.parse(body));
    return answer;
  });
  const check = () => checkHooks({ ...settings, hookBeforeSayUrl: receiver.reviewUrl });
  const findingOf = (what: string, fix: string) => [
    { subject: 'webhooks', problem: `the receiver of HOOK_BEFORE_SAY_URL ${what}`, fix },
  ];
  const trial = 'answers a signed request of the type trial with';
  expect(await check()).toEqual([]);
  for (const body of ['', 'null', '{"allow":"yes"}', `{"allow":true,"text":"${'x'.repeat(2_097_152)}"}`]) {
    answer = { status: 200, body };
    expect(await check()).toEqual(
      findingOf(`${trial} something else than a verdict`, 'Let it answer 2xx with {"allow":true}'),
    );
  }
  answer = { status: 500 };
  expect(await check()).toEqual(
    findingOf(
      `${trial} status 500`,
      'Let it answer 2xx with {"allow":true}; if it refuses the signature, compare HOOK_SECRET and the clocks',
    ),
  );
  expect(new Set(bodies.map((body) => JSON.stringify({ ...(body as object), at: 0 })))).toEqual(
    new Set(['{"id":"id-1","type":"trial","at":0}']),
  );
  expect(receiver.seen.forged).toBe(0);
  await receiver.kill();
  expect(await check()).toEqual([
    {
      subject: 'webhooks',
      problem: expect.stringMatching(/^the receiver of HOOK_BEFORE_SAY_URL does not answer: /),
      fix: 'Start it, or correct HOOK_BEFORE_SAY_URL',
    },
  ]);
});
