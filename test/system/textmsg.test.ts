import { describe, expect, it } from 'vitest';
import { PRESENCE_GRACE_MS } from '../../src/protocol/limits.ts';
import type { TextMessage } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member, MemberOptions } from '../support/member.ts';
import { MODES } from '../support/system.ts';

describe.each(MODES)('textmsg, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { RATE_SAY: '0', MAX_TEXT_BYTES: '1000', NAMESPACES: '/,/post' },
    { workersEach: 1 },
  );
  const { at, connect } = stage;
  let marks = 0;

  const lounger = (index: number, auth: Record<string, unknown> = {}, nsp = '') =>
    connect(at(index) + nsp, { auth });
  const visitor = (index: number, roomid: string, username: string, options?: MemberOptions) =>
    stage.enter(at(index), roomid, username, options);
  function texts(member: Member): TextMessage[] {
    return member.heard.filter(({ event }) => event === 'textmsg').map(({ data }) => data as TextMessage);
  }
  /** Everything said before on this connection has arrived, or never will. */
  async function afterAMark(sender: Member, hearers: readonly Member[]): Promise<void> {
    marks += 1;
    const mark = `mark ${marks}`;
    expect(await sender.ask('textmsg', mark)).toEqual({ ok: true });
    for (const hearer of hearers) {
      const times = hearer === sender ? 2 : 1;
      await eventually(() => expect(texts(hearer).filter((text) => text === mark)).toHaveLength(times));
    }
  }
  const told = (member: Member) => texts(member).filter((text) => !String(text).startsWith('mark '));

  it('reaches everybody without a room and the members of the lobby once, a string its sender twice', async () => {
    const loungers = await Promise.all([0, 1, 2].map((index) => lounger(index)));
    const inLobby = await visitor(1, 'lobby', 'Lobby');
    const both = await lounger(0);
    await both.do('join', { roomid: 'lobby', username: 'Both' });
    const elsewhere = await visitor(1, `elsewhere ${mode}`, 'Elsewhere');
    const inPost = await lounger(0, {}, '/post');
    const [sender] = loungers as [Member];
    expect(await sender.ask('textmsg', 'hello')).toEqual({ ok: true });
    const object = { name: '东东', avatar: '1.jpg', content: '<b onclick="x()">Hi & bye</b>' };
    expect(await sender.ask('textmsg', object)).toEqual({ ok: true });
    const hearers = [...loungers, inLobby, both];
    await afterAMark(sender, hearers);
    for (const hearer of hearers) {
      expect(told(hearer)).toEqual([...(hearer === sender ? ['hello'] : []), 'hello', object]);
    }
    for (const other of [elsewhere, inPost]) expect(texts(other)).toEqual([]);
  });

  it('goes to the room of the address if there is one, for its members', async () => {
    const roomid = `texts ${mode}`;
    const [ann, bob] = [await visitor(0, roomid, 'Ann'), await visitor(1, roomid, 'Bob')];
    const inLounge = await lounger(1);
    await ann.do('textmsg', { name: 'Ann', content: 'only here' });
    await afterAMark(ann, [ann, bob]);
    for (const member of [ann, bob]) expect(told(member)).toEqual([{ name: 'Ann', content: 'only here' }]);
    expect(texts(inLounge)).toEqual([]);
    const outside = await connect(at(0), { query: { roomid } });
    expect(await outside.ask('textmsg', 'hi')).toMatchObject({ error: { code: 'not_joined' } });
  });

  it('names a connection with the first text and never again, in its rooms too', async () => {
    const [ann, bob] = await Promise.all([lounger(0), lounger(1)]);
    const roomid = `named ${mode}`;
    await ann.do('join', { roomid });
    await ann.do('textmsg', { name: 'Ann', avatar: '1.jpg', content: 'one' });
    await ann.do('textmsg', { name: 'Mallory', avatar: '2.jpg', content: 'two' });
    await afterAMark(ann, [bob]);
    const asAnn = { name: 'Ann', avatar: '1.jpg' };
    expect(told(bob)).toEqual([
      { ...asAnn, content: 'one' },
      { ...asAnn, content: 'two' },
    ]);
    await ann.do('say', { roomid, text: 'x' });
    await eventually(() => expect(ann.said[0]?.data).toMatchObject({ username: 'Ann', avatar: '1.jpg' }));
    expect(await bob.ask('textmsg', { name: 'Bob', content: 'x', to: 'Mallory' })).toMatchObject({
      error: { code: 'not_found' },
    });
    expect(await bob.ask('textmsg', { name: 'Bob', content: 'x', to: 'Ann' })).toEqual({ ok: true, live: 1 });
  });

  it('with to reaches the named user and the sender’s other connections, on any worker, and no one else', async () => {
    const [anns, bobs] = [`ann ${mode}`, `bob ${mode}`];
    const ann = await lounger(0, { userId: anns, username: 'Ann', avatar: '1.jpg' });
    const annsTab = await lounger(1, { userId: anns, username: 'Ann', avatar: '1.jpg' });
    const bob = await lounger(1, { userId: bobs, username: 'Bob' });
    const bobsTab = await lounger(2, { userId: bobs, username: 'Bob' });
    const others = [await lounger(0), await lounger(1), await visitor(1, 'lobby', 'Lobby')];
    const asked = { name: 'Ann', content: 'psst', to: 'Bob' };
    expect(await ann.ask('textmsg', asked)).toEqual({ ok: true, live: 2 });
    const everybody = [ann, annsTab, bob, bobsTab, ...others];
    await afterAMark(ann, everybody);
    for (const one of [annsTab, bob, bobsTab]) expect(told(one)).toEqual([{ ...asked, avatar: '1.jpg' }]);
    for (const one of [ann, ...others]) expect(told(one)).toEqual([]);
    expect(await bob.ask('textmsg', { name: 'Bob', content: 'yes?', to: 'Ann' })).toMatchObject({ live: 2 });
    expect(await bob.ask('textmsg', { name: 'Bob', content: 'you there', to: 'Lobby' })).toMatchObject({
      live: 1,
    });
    await afterAMark(bob, everybody);
    for (const one of [ann, annsTab]) {
      expect(told(one).at(-1)).toEqual({ name: 'Bob', content: 'yes?', to: 'Ann' });
    }
    expect(told(others[2] as Member)).toEqual([{ name: 'Bob', content: 'you there', to: 'Lobby' }]);
  });

  it('with the own name as to reaches all connections of the sender', async () => {
    const userId = `self ${mode}`;
    const [one, other] = [await lounger(0, { userId }), await lounger(1, { userId })];
    const asked = { name: 'Self', content: 'note', to: 'Self' };
    expect(await one.ask('textmsg', asked)).toEqual({ ok: true, live: 2 });
    await afterAMark(one, [one, other]);
    for (const tab of [one, other]) expect(told(tab)).toEqual([asked]);
  });

  it('refuses an ambiguous and an unknown name, and finds the one user who is left', async () => {
    const ann = await lounger(0);
    const to = `Twin ${mode}`;
    const ask = () => ann.ask('textmsg', { name: 'Ann', content: 'x', to });
    expect(await ask()).toMatchObject({
      error: { code: 'not_found', message: expect.stringMatching(/^to: /) },
    });
    const first = await lounger(1, { username: to });
    const second = await lounger(2, { username: to });
    const several = { error: { code: 'bad_request', message: expect.stringMatching(/^to: /) } };
    await eventually(async () => expect(await ask()).toMatchObject(several));
    second.close();
    await eventually(async () => expect(await ask()).toEqual({ ok: true, live: 1 }));
    first.close();
    await eventually(async () => expect(await ask()).toMatchObject({ error: { code: 'not_found' } }));
    const inRoom = await visitor(1, 'lobby', to);
    expect(await ask()).toEqual({ ok: true, live: 1 });
    inRoom.close();
    const back = await visitor(2, 'lobby', to);
    // While the room still keeps the one who left, in case they come back.
    const withinGrace = { timeout: PRESENCE_GRACE_MS - 500, interval: 20 };
    await eventually(async () => expect(await ask()).toEqual({ ok: true, live: 1 }), withinGrace);
    await afterAMark(ann, [back]);
    expect(told(back)).toContainEqual({ name: 'Ann', content: 'x', to });
  });

  it('finds a user with a new id or name by the new one only', async () => {
    const [ann, bob] = [await lounger(0), await lounger(1)];
    const [oldName, newName, lastName] = ['old', 'new', 'last'].map((name) => `${name} ${mode}`) as [
      string,
      string,
      string,
    ];
    const ask = (to: string) => ann.ask('textmsg', { name: 'Ann', content: 'x', to });
    await bob.do('textmsg', { name: oldName, content: 'here' });
    expect(await ask(oldName)).toEqual({ ok: true, live: 1 });
    await bob.do('join', { roomid: `moved ${mode}`, username: newName });
    await eventually(async () => expect(await ask(newName)).toEqual({ ok: true, live: 1 }));
    expect(await ask(oldName)).toMatchObject({ error: { code: 'not_found' } });
    await bob.do('user_login', { userId: `moved ${mode}` });
    await eventually(async () => expect(await ask(newName)).toEqual({ ok: true, live: 1 }));
    await bob.do('join', { roomid: `moved ${mode}`, username: lastName });
    await eventually(async () => expect(await ask(lastName)).toEqual({ ok: true, live: 1 }));
  });

  it.each([
    ['x'.repeat(1_001), 'too_large', 'text'],
    [{ name: 'Ann', content: 'x'.repeat(1_001) }, 'too_large', 'content'],
    [{ name: '', content: 'x' }, 'bad_request', ''],
    [{ name: 'Ann' }, 'bad_request', ''],
    [' ', 'bad_request', ''],
    [7, 'bad_request', ''],
    [{ name: 'Ann', content: 'x', avatar: 'javascript:alert(1)' }, 'bad_request', ''],
  ])('refuses what it cannot take, case %#', async (payload, code, field) => {
    const ann = await lounger(0);
    const answer = await ann.ask('textmsg', payload as never);
    expect(answer).toMatchObject({ ok: false, error: { code } });
    if (field) expect(answer).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
  });
});

describe.each(MODES)('online, %s', (mode) => {
  const stage = systemFixture(mode, { NAMESPACES: '/,/post' }, { clientsStay: true, workersEach: 1 });

  interface Count {
    readonly users: number;
    readonly clients: number;
  }
  const counts = (member: Member) =>
    member.heard.filter(({ event }) => event === 'online').map(({ data }) => data as Count);
  const shows = (member: Member, wanted: Count, timeout?: number) =>
    eventually(() => expect(counts(member).at(-1)).toEqual(wanted), timeout === undefined ? {} : { timeout });

  it('rises and falls with the users, for everybody everywhere, after a killed worker too', async () => {
    const url = (index: number) => stage.system.workerUrls[index % stage.system.workers] as string;
    async function come(index: number, userId: string, nsp = ''): Promise<Member> {
      const member = await stage.connect(url(index) + nsp, { auth: { userId } });
      return member;
    }
    const ann = await come(0, 'ann');
    await shows(ann, { users: 1, clients: 1 });
    const tab = await come(1, 'ann');
    const inPost = await come(0, 'bob', '/post');
    for (const member of [ann, tab, inPost]) await shows(member, { users: 2, clients: 3 });
    const carl = await come(1, 'carl');
    for (const member of [ann, inPost, carl]) await shows(member, { users: 3, clients: 4 });
    carl.close();
    for (const member of [ann, inPost, tab]) await shows(member, { users: 2, clients: 3 });
    const last = stage.system.workers - 1;
    const doomed = [await come(last, 'dora'), await come(last, 'emil')];
    for (const member of [ann, tab, inPost, ...doomed]) await shows(member, { users: 4, clients: 5 });

    const status = await stage.system.hosts.at(-1)?.status();
    process.kill(status?.workers.at(-1)?.pid as number, 'SIGKILL');
    // Ann's tab was on that worker, too.
    const left = { users: 2, clients: 2 };
    for (const member of [ann, inPost]) await shows(member, left, 15_000);
    for (const { users, clients } of [ann, tab, inPost, ...doomed].flatMap(counts)) {
      expect(users).toBeGreaterThan(0);
      expect(clients).toBeGreaterThanOrEqual(users);
    }
    const late = await come(0, 'ann');
    await eventually(() => expect(counts(late).length).toBeGreaterThan(0));
    expect(late.heard[0]?.event).toBe('hello');
  });

  it('is sent to a new connection though nothing changes', async () => {
    const [one, two] = [
      await stage.connect(stage.worker(0), { auth: { userId: 'ann' } }),
      await stage.connect(stage.worker(0), { auth: { userId: 'ann' } }),
    ];
    for (const member of [one, two]) {
      await eventually(() => expect(counts(member).length).toBeGreaterThan(0));
    }
  });
});
