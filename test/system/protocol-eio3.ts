import { ask } from './front-door-client.ts';
import { INVALID_NAMESPACE, type LinkRule, NO_EVENT, stateOf } from './protocol-cases.ts';
import { openLink, openSocket, pathOf, sessionQuery, UNKNOWN_SESSION } from './protocol-link.ts';
import type { SessionRule } from './protocol-sessions.ts';

/*
 * Socket.IO 2.x speaks Engine.IO 3: there the client pings, and it is in the main namespace from the start.
 */

const options = { version: 3, pongs: false } as const;

export const EIO3_TIMES: readonly LinkRule[] = [
  {
    title: 'end a connection that sends no ping',
    options,
    act: (link) => link.ended(),
    outcome: 'ended',
  },
];

export const EIO3_RULES: readonly LinkRule[] = [
  {
    title: 'let a client into the main namespace that did not ask for it',
    options,
    act: async (link) => [
      await link.next(),
      (await link.find('42["hello"')) !== undefined,
      await stateOf(link),
    ],
    outcome: ['40', true, 'answers'],
  },
  {
    title: 'answer a ping, and ping nobody',
    options,
    async act(link) {
      await link.find('42["hello"');
      link.send('2');
      return [await link.find('3'), await stateOf(link)];
    },
    outcome: ['3', 'answers'],
  },
  {
    title: 'serve another namespace until it is left',
    options,
    async act(link) {
      link.send('40/post');
      const states = [await link.find('40/post'), await stateOf(link, '/post,')];
      link.send('41/post');
      return [...states, await stateOf(link)];
    },
    outcome: ['40/post,', 'answers', 'answers'],
  },
  {
    title: 'answer CONNECT to an unknown namespace with an ERROR, and go on',
    options,
    async act(link) {
      link.send('40/nowhere');
      return [await link.find('44'), await stateOf(link)];
    },
    outcome: [`44/nowhere,${INVALID_NAMESPACE}`, 'answers'],
  },
  ...[
    ['a PONG, which only the server sends', '3'],
    ['a packet of no type of Engine.IO', 'x'],
    ['a packet of no type of Socket.IO', '49'],
    ['an event that is no array', '42{}'],
    ['a binary event', '451-["say",{"_placeholder":true,"num":0}]'],
    ['an event in a namespace that was not entered', `42/post,${NO_EVENT}`],
  ].map(([what, packet = '']) => ({
    title: `end a connection that sends ${what}`,
    options,
    async act(link: Parameters<LinkRule['act']>[0]) {
      await link.find('42["hello"');
      link.send(packet);
      return link.ended();
    },
    outcome: 'ended',
  })),
];

export const EIO3_SESSIONS: readonly SessionRule[] = [
  {
    title: 'refuse requests of another version for a session, and serve it on',
    async act(port) {
      const link = await openLink(port, 'polling', options);
      const other = await ask(port, pathOf(sessionQuery('polling', link.sid, 4)));
      const outcome = [other.status, (JSON.parse(other.body) as { code: number }).code, await stateOf(link)];
      link.close();
      return outcome;
    },
    outcome: [400, 3, 'answers'],
  },
  {
    title: 'end a session that posts a body without lengths',
    async act(port) {
      const { body } = await ask(port, pathOf('EIO=3&transport=polling'));
      const path = pathOf(sessionQuery('polling', /"sid":"([\w-]+)"/.exec(body)?.[1] ?? '', 3));
      await ask(port, path, { method: 'POST', body: `42${NO_EVENT}` });
      for (;;) {
        const answer = await ask(port, path);
        if (answer.status !== 200) return [answer.status, answer.body];
      }
    },
    outcome: [400, UNKNOWN_SESSION],
  },
  {
    title: 'serve a session by WebSocket once it is upgraded',
    async act(port) {
      const link = await openLink(port, 'polling', options);
      await link.find('42["hello"');
      const socket = openSocket(port, sessionQuery('websocket', link.sid, 3), options);
      socket.send('2probe');
      const answer = await socket.next();
      socket.send('5');
      const outcome = [answer, await stateOf(socket)];
      socket.close();
      link.close();
      return outcome;
    },
    outcome: ['3probe', 'answers'],
  },
];
