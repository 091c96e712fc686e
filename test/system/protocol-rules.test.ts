import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderNginx } from '../../src/cli/nginx-config.ts';
import { MAX_PACKET_BYTES } from '../../src/protocol/limits.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { systemFixture } from '../support/fixture.ts';
import { enter as enterRoom } from '../support/member.ts';
import { type NginxServer, openNginx } from '../support/nginx-server.ts';
import { nginxOptions } from '../support/nginx-settings.ts';
import { freePorts } from '../support/ports.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { ask } from './front-door-client.ts';
import {
  BAD_REQUESTS,
  BAD_UPGRADES,
  BREACHES,
  BREACHES_BEFORE_CONNECT,
  CONNECTS,
  enter,
  IGNORED,
  stateOf,
  TIMES,
} from './protocol-cases.ts';
import { EIO3_RULES, EIO3_SESSIONS, EIO3_TIMES } from './protocol-eio3.ts';
import {
  type Link,
  type LinkOptions,
  openLink,
  openPollingSession,
  pathOf,
  refusedUpgrade,
  TRANSPORTS,
  type Transport,
  UNKNOWN_SESSION,
} from './protocol-link.ts';
import { POLLING_RULES, WEBSOCKET_RULES } from './protocol-sessions.ts';

/*
 * Rules of Engine.IO 4 and Socket.IO 5, each asked for at every place where a client comes in. The outcome must be the same at
 * all of them: what stands in front of a worker changes nothing of the protocol.
 */

const EIO4_PLACES = ['a worker', 'the front door', 'nginx'] as const;
/** A host in cluster mode, which serves clients of Engine.IO 3 beside those of 4. */
const EIO3_PLACES = ['a worker over Redis', 'the front door over Redis'] as const;
const PLACES = [...EIO4_PLACES, EIO3_PLACES[1]] as const;
type Place = (typeof PLACES | typeof EIO3_PLACES)[number];

/** Together they are shorter than the time after which a connection is closed that enters no namespace. */
const PING_INTERVAL_MS = 1_500;
const PING_TIMEOUT_MS = 8_000;
const MAX_BUFFERED_BYTES = 65_536;

const SETTINGS = {
  NAMESPACES: '/,/post',
  PING_INTERVAL_MS: String(PING_INTERVAL_MS),
  PING_TIMEOUT_MS: String(PING_TIMEOUT_MS),
  MAX_BUFFERED_BYTES: String(MAX_BUFFERED_BYTES),
};

function alike<T>(outcome: T, places: readonly Place[] = PLACES) {
  return Object.fromEntries(places.map((place) => [place, outcome]));
}

/** A server of Engine.IO 3 takes every version but 4 for it. */
const placesOf = (query: string) => (query.includes('EIO=4') ? PLACES : EIO4_PLACES);

describe.concurrent('workers, alone and behind the front door and nginx, with and without Redis', () => {
  const fixture = systemFixture('embedded', SETTINGS);
  let nginx: NginxServer | undefined;
  let redis: RedisProcess | undefined;
  let overRedis: Host | undefined;
  let ports: Readonly<Record<Place, number>>;

  beforeAll(async () => {
    const [host] = fixture.system.hosts;
    const nginxPort = await freePorts(1);
    const basePort = host?.basePort ?? 0;
    const hosts = [{ address: '127.0.0.1', basePort, workers: 2 }];
    nginx = await openNginx(renderNginx(nginxOptions({ hosts, listen: [`127.0.0.1:${nginxPort}`] })));
    redis = await openRedis();
    const env = { ...SETTINGS, FRONT: 'on', ALLOW_EIO3: 'on' };
    overRedis = await startHost({ redisUrl: redis.url, env });
    const frontPort = ({ url = '' }: Partial<Host> = {}) => Number(new URL(url).port);
    ports = {
      'a worker': basePort + 1,
      'the front door': frontPort(host),
      nginx: nginxPort,
      'a worker over Redis': overRedis.basePort + 1,
      'the front door over Redis': frontPort(overRedis),
    };
  });
  afterAll(async () => {
    await overRedis?.stop();
    await overRedis?.remove();
    await redis?.close();
    await nginx?.close();
  });

  async function everywhere<T>(act: (port: number) => Promise<T>, places: readonly Place[] = PLACES) {
    const outcomes = await Promise.all(places.map((place) => act(ports[place])));
    return Object.fromEntries(places.map((place, index) => [place, outcomes[index]]));
  }

  function overBoth<T>(
    act: (link: Link, port: number) => Promise<T>,
    options?: LinkOptions,
    places: readonly Place[] = PLACES,
  ) {
    return everywhere(
      (port) => Promise.all(TRANSPORTS.map((transport) => withLink(port, transport, act, options))),
      places,
    );
  }

  async function withLink<T>(
    port: number,
    transport: Transport,
    act: (link: Link, port: number) => Promise<T>,
    options?: LinkOptions,
  ): Promise<T> {
    const link = await openLink(port, transport, options);
    try {
      return await act(link, port);
    } finally {
      link.close();
    }
  }

  it.each([...TIMES, ...CONNECTS])('$title', async ({ act, options, outcome }) => {
    expect(await overBoth(act, options)).toEqual(alike([outcome, outcome]));
  });

  it.each([...EIO3_TIMES, ...EIO3_RULES])('of Engine.IO 3: $title', async ({ act, options, outcome }) => {
    expect(await overBoth(act, options, EIO3_PLACES)).toEqual(alike([outcome, outcome], EIO3_PLACES));
  });

  it.each(EIO3_SESSIONS)('of Engine.IO 3: $title', async ({ act, outcome }) => {
    expect(await everywhere(act, EIO3_PLACES)).toEqual(alike(outcome, EIO3_PLACES));
  });

  it('let a client go that does not fetch what it is sent', async () => {
    const idle = await Promise.all(
      EIO4_PLACES.map(async (place) => {
        const session = await openPollingSession(ports[place], '&roomid=unread&username=Idle');
        await session.post('40');
        await session.pollUntil('42["joined"');
        return session;
      }),
    );
    const writer = await enterRoom(fixture.worker(0), 'unread', 'Writer');
    for (let said = 0; said < 20; said += 1) await writer.do('say', { text: 'x'.repeat(8_000) });
    // Who answers pings and fetches nothing is there, and slow.
    const letGo = async () => {
      await Promise.all(idle.map(({ post }) => post('3').catch(() => undefined)));
      const text = await (await fetch(`${fixture.system.hosts[0]?.adminUrl}/metrics`)).text();
      const counts = [...text.matchAll(/^roomcast_slow_clients_total(?:\{.*\})? (\d+)/gm)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await expect.poll(letGo).toBe(idle.length);
    writer.close();
    for (const { poll } of idle) {
      let bytes = 0;
      let [status, body] = await poll();
      for (; status === 200; [status, body] = await poll()) bytes += body.length;
      expect(bytes).toBeLessThan(MAX_BUFFERED_BYTES / 4);
      expect(body).toBe(UNKNOWN_SESSION);
    }
  });

  it.each(IGNORED)('ignore $what', async ({ packets }) => {
    const act = async (link: Link) => {
      await enter(link);
      link.send(...packets);
      return stateOf(link);
    };
    expect(await overBoth(act)).toEqual(alike(['answers', 'answers']));
  });

  it.each(BREACHES)('end a connection that sends $what', async ({ packets }) => {
    const act = async (link: Link) => {
      await enter(link);
      link.send(...packets);
      return link.ended();
    };
    expect(await overBoth(act)).toEqual(alike(['ended', 'ended']));
  });

  it.each(BREACHES_BEFORE_CONNECT)('end a connection that sends $what', async ({ packets }) => {
    const act = async (elder: Link, port: number) =>
      withLink(port, elder.transport, async (link) => {
        link.send(...packets);
        await link.ended();
        // The younger one was not ended for entering no namespace in time: the elder one would have been before.
        return enter(elder).then(() => stateOf(elder));
      });
    expect(await overBoth(act)).toEqual(alike(['answers', 'answers']));
  });

  it.each(TRANSPORTS)('tell a client over %s what it needs of its session', async (transport) => {
    const act = (port: number) => withLink(port, transport, async ({ handshake }) => handshake);
    expect(await everywhere(act)).toEqual(
      alike({
        sid: expect.stringMatching(/^[\w-]{20}$/),
        upgrades: transport === 'polling' ? ['websocket'] : [],
        pingInterval: PING_INTERVAL_MS,
        pingTimeout: PING_TIMEOUT_MS,
        maxPayload: MAX_PACKET_BYTES,
      }),
    );
  });

  it.each(BAD_REQUESTS)('refuse $what with the code $code', async (given) => {
    const { method = 'GET', query, headers = {}, status = 400, code } = given;
    const act = async (port: number) => {
      const answer = await ask(port, pathOf(query), { method, headers });
      return [answer.status, (JSON.parse(answer.body) as { code: number }).code];
    };
    const places = placesOf(query);
    expect(await everywhere(act, places)).toEqual(alike([status, code], places));
  });

  it.each(BAD_UPGRADES)('refuse a WebSocket with %s', async (query, status, body) => {
    const places = placesOf(query);
    const act = (port: number) => refusedUpgrade(port, query);
    expect(await everywhere(act, places)).toEqual(alike({ status, body }, places));
  });

  it.each([...POLLING_RULES, ...WEBSOCKET_RULES])('$title', async ({ act, outcome, notBehindNginx }) => {
    const places = notBehindNginx ? PLACES.filter((place) => place !== 'nginx') : PLACES;
    expect(await everywhere(act, places)).toEqual(alike(outcome, places));
  });
});
