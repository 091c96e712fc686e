import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProfile } from '../../src/load/profile/profile.ts';
import { type Host, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';
import { freePorts } from '../support/ports.ts';

const MEMBERS = 3;
const SAYS = 20;
const TEXT = 'x'.repeat(100);

let host: Host;
/** In front of the admin port: counts the readings, and gives none that lacks a worker that was too busy to answer. */
let admin: Server;
let readings = 0;
beforeAll(async () => {
  host = await startHost({ workers: 1 });
  admin = createServer(async (request, response) => {
    const page = await eventually(async () => {
      const text = await (await fetch(`${host.adminUrl}${request.url}`)).text();
      expect(text).toContain('roomcast_worker_up{slot="0"} 1');
      return text;
    });
    readings += 1;
    response.end(page);
  }).listen(0, '127.0.0.1');
  await once(admin, 'listening');
});
afterAll(async () => {
  admin?.close();
  await host?.stop();
  await host?.remove();
});

async function profileOf(args: readonly string[], env: Record<string, string>, during?: () => Promise<void>) {
  const { child, output } = runRoomcast(['profile', host.url, ...args], env);
  const exited = once(child, 'exit');
  if (during) {
    await during();
    child.kill('SIGINT');
  }
  const [code] = await exited;
  return { code, ...output() };
}

const key = () => ({ API_KEYS: host.apiKey.trim() });

describe('roomcast profile', () => {
  it('counts what was said and delivered until Ctrl-C, and writes no text, name or room', async () => {
    const room = 'profiled-room';
    const members = await Promise.all(
      Array.from({ length: MEMBERS }, (_, at) => enter(host.url, room, `visitor${at}`)),
    );
    const metrics = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await profileOf(
      ['--metrics', metrics, '--duration', '10m'],
      key(),
      async () => {
        await eventually(() => expect(readings).toBe(1));
        for (let said = 0; said < SAYS; said += 1) await members[0]?.do('say', { text: TEXT });
        await eventually(() => expect(members.map(({ said }) => said.length)).toEqual([SAYS, SAYS, SAYS]));
      },
    );
    for (const member of members) member.close();

    expect([code, stderr]).toEqual([0, expect.stringMatching(/^clients {8}3, of which 0 % poll$/m)]);
    const read = readProfile(stdout);
    if ('problem' in read) throw new Error(read.problem);
    const { sampledMs, saysPerS, deliveriesPerS, ...profile } = read.profile;
    const counted = (perS: number) => Math.round((perS * sampledMs) / 1_000);
    expect([counted(saysPerS), counted(deliveriesPerS)]).toEqual([SAYS, SAYS * MEMBERS]);
    expect(profile).toEqual({
      format: 1,
      tool: { name: 'roomcast', version: expect.any(String) },
      takenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      clients: MEMBERS,
      pollingShare: 0,
      privatePerS: 0,
      connectsPerS: 0,
      disconnectsPerS: 0,
      texts: { meanBytes: TEXT.length, buckets: expect.any(Array) },
      rooms: [{ clients: MEMBERS, rooms: 1 }],
    });
    expect(profile.texts.buckets.filter(({ share }) => share > 0)).toMatchObject([{ share: 1 }]);
    expect(stdout).not.toMatch(/xx|visitor|profiled/);
  });

  it.each([
    ['an API key', () => ['--metrics', host.adminUrl], () => ({}), /needs an API key: give --api-key/],
    [
      'the admin port',
      () => ['--metrics', `${host.url}/api`],
      key,
      /answers HTTP \d+: name the admin port of a host/,
    ],
    [
      'a host that answers',
      async () => ['--metrics', `http://127.0.0.1:${await freePorts(1)}`],
      key,
      /\/metrics does not answer \(ECONNREFUSED\)/,
    ],
  ] as const)('says that it needs %s', async (_what, args, env, problem) => {
    const { code, stderr } = await profileOf(await args(), env());
    expect([code, stderr]).toEqual([1, expect.stringMatching(problem)]);
  });
});
