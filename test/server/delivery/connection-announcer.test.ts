import { describe, expect, it } from 'vitest';
import {
  type ConnectionAnnouncerDeps,
  createConnectionAnnouncer,
} from '../../../src/server/delivery/connection-announcer.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';

function setUp(names = ['/']) {
  const heard: string[] = [];
  const turns: (() => void)[] = [];
  const polling = new Set<string>();
  const gathered: string[] = [];
  const namespaces = names.map((name) => ({ name, sockets: new Map<string, unknown>() }));
  const announcer = createConnectionAnnouncer({
    namespaces: namespaces as unknown as ConnectionAnnouncerDeps['namespaces'],
    internals: {
      pathTo: (connection) => ({
        write(frames) {
          const { id } = connection as unknown as { id: string };
          if (polling.has(id)) return false;
          heard.push(`${id} ${frames.toString('utf8', 2)}`);
          return true;
        },
      }),
    },
    gatherWrites: (connection) => void gathered.push((connection as unknown as { id: string }).id),
    nextTurn: (task) => void turns.push(task),
  });
  function connectionOf(id: string) {
    return { id, write: (packet: string) => heard.push(`${id} packet ${packet}`) };
  }
  return {
    announcer,
    heard,
    polling,
    gathered,
    connectionOf,
    connect(id: string, namespace = 0) {
      namespaces[namespace]?.sockets.set(id, { conn: connectionOf(id) });
    },
    disconnect: (id: string) => namespaces[0]?.sockets.delete(id),
    /** False: nothing was to be done. */
    turn() {
      const tasks = turns.splice(0);
      for (const task of tasks) task();
      return tasks.length > 0;
    },
  };
}

const ONLINE = { users: 1, clients: 2 };

describe('events to all connections', () => {
  it('go to every connection of every namespace, polling ones too', () => {
    const { announcer, connect, heard, polling } = setUp(['/', '/post']);
    connect('a');
    connect('b', 1);
    connect('c', 1);
    polling.add('c');
    announcer.broadcast('online', ONLINE);
    expect(heard).toEqual([
      'a 42["online",{"users":1,"clients":2}]',
      'b 42/post,["online",{"users":1,"clients":2}]',
      'c packet 2/post,["online",{"users":1,"clients":2}]',
    ]);
  });

  it('do not come before hello', () => {
    const { announcer, connect, heard } = setUp();
    connect('a');
    connect('new');
    announcer.awaitHello('new');
    announcer.broadcast('online', ONLINE);
    expect(heard).toHaveLength(1);
    announcer.helloSent('new');
    announcer.broadcast('cluster:restored', {});
    expect(heard.slice(1)).toEqual(['a 42["cluster:restored",{}]', 'new 42["cluster:restored",{}]']);
  });

  it('go to one connection through Engine.IO only if it has packets that wait', () => {
    const { announcer, heard, polling, gathered, connectionOf } = setUp(['/post']);
    polling.add('c');
    for (const id of ['a', 'c']) {
      const socket = { nsp: { name: '/post' }, conn: connectionOf(id) } as unknown as ClientSocket;
      announcer.sendTo(socket, 'online', ONLINE);
    }
    expect(heard).toEqual([
      'a 42/post,["online",{"users":1,"clients":2}]',
      'c packet 2/post,["online",{"users":1,"clients":2}]',
    ]);
    expect(gathered).toEqual(['a', 'c']);
  });

  it('yield the event loop if there are many connections, and still arrive in order at those present', () => {
    const { announcer, connect, disconnect, heard, turn } = setUp();
    for (let n = 0; n < 900; n += 1) connect(`c${n}`);
    announcer.broadcast('cluster:degraded', { since: 1 });
    expect(heard.length).toBeLessThan(500);
    announcer.broadcast('cluster:restored', {});
    disconnect('c899');
    connect('late');
    let turns = 0;
    while (turn()) turns += 1;
    expect(turns).toBeGreaterThan(4);
    for (let n = 0; n < 899; n += 1) {
      expect(heard.filter((line) => line.startsWith(`c${n} `))).toEqual([
        `c${n} 42["cluster:degraded",{"since":1}]`,
        `c${n} 42["cluster:restored",{}]`,
      ]);
    }
    expect(heard).toHaveLength(899 * 2);
    announcer.broadcast('cluster:restored', {});
    while (turn());
    expect(heard.filter((line) => line.startsWith('late '))).toHaveLength(1);
  });
});
