import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Run, runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';

describe('roomcast tail', () => {
  const stage = systemFixture('embedded');

  function tail(args: readonly string[]): Run {
    const host = stage.system.hosts[0];
    const env = { DATA_DIR: host?.dataDir as string, PORT: new URL(host?.url as string).port };
    return runRoomcast(['tail', ...args], env);
  }
  const lines = (run: Run) => run.output().stdout.split('\n').filter(Boolean);
  async function codeOf({ child }: Run): Promise<unknown> {
    return child.exitCode ?? (await once(child, 'exit'))[0];
  }

  it('prints the newest messages and what follows, each once, over a reload, until it is interrupted', async () => {
    const roomid = stage.fresh('room');
    const say = async (text: string) => {
      const member = await stage.enter(stage.at(1), roomid, 'Ann');
      await member.do('say', { text });
      member.close();
    };
    for (const text of ['one', 'two', 'three']) await say(text);
    const run = tail([roomid, '--last', '2', '--json']);
    const texts = () => lines(run).map((line) => JSON.parse(line).data.text);
    await eventually(() => expect(texts()).toEqual(['two', 'three']));
    await say('four');
    await eventually(() => expect(texts()).toEqual(['two', 'three', 'four']));
    process.kill(stage.system.hosts[0]?.pid as number, 'SIGHUP');
    await eventually(() => expect(run.output().stderr).toContain('the server ended the stream'));
    await eventually(() => say('five'));
    await eventually(() => expect(texts().at(-1)).toBe('five'));
    expect(texts()).toEqual(['two', 'three', 'four', 'five']);
    run.child.kill('SIGINT');
    expect(await codeOf(run)).toBe(0);
  });

  it('without a room follows all rooms with members, later ones too', async () => {
    const first = stage.fresh('room');
    const ann = await stage.enter(stage.at(0), first, 'Ann');
    await ann.do('say', { text: 'here' });
    // Rooms of other tests may still be listed.
    const run = tail(['--last', '1']);
    const shown = (text: string) => lines(run).filter((line) => line.endsWith(text)).length;
    await eventually(() => expect(shown(' Ann: here')).toBe(1));
    const second = stage.fresh('room');
    const bob = await stage.enter(stage.at(1), second, 'Bob');
    await bob.do('say', { text: 'there' });
    await eventually(() => expect(shown(' Bob: there')).toBe(1));
    expect(lines(run)).toContainEqual(expect.stringMatching(new RegExp(` ${first} \\d+ Ann: here$`)));
    expect(lines(run)).toContainEqual(expect.stringMatching(new RegExp(` ${second} \\d+ Bob: there$`)));
    run.child.kill('SIGINT');
    expect(await codeOf(run)).toBe(0);
  });

  it('says why a server refuses it', async () => {
    const run = tail(['tea', '--key', 'wrong']);
    expect(await codeOf(run)).toBe(1);
    expect(run.output().stderr).toBe('roomcast tail: the API key is not valid\n');
    const helped = tail(['--help']);
    expect(await codeOf(helped)).toBe(0);
    expect(helped.output().stdout).toContain('Example:\n  roomcast tail lobby --last 10\n');
  });
});
