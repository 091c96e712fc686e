import { converse } from './front-door-client.ts';

/** The headers of requests that parsers of HTTP and of URLs read as one host or another. */
const ODD_HOSTS: readonly (readonly string[])[] = [
  ['Host: localhost:80\\@evil'],
  ['Host: localhost:80\\@evil', 'Via: 1.1 proxy'],
  ['Host: evil@localhost'],
  ['Host: localhost/evil'],
  ['Host: localhost evil'],
  ['Host: localhost\tevil'],
  ['Host: local\u0001host'],
  ['Host: local%68ost'],
  ['Host: localhost:99999'],
  ['Host: [::1'],
  ['Host: '],
  ['Host: localhost', 'Host: evil'],
  ['host: localhost', 'HOST: localhost'],
  [],
];
const ABSOLUTE_TARGETS = ['http://evil/healthz', 'http://localhost/healthz'];
const PLAIN = ['Connection: close'];
const UPGRADE = [
  'Connection: Upgrade, close',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** One listener. The admin port knows no upgrade. */
export interface Door {
  readonly url: string;
  readonly upgrades: boolean;
}

interface Asked {
  readonly url: string;
  readonly request: string;
  readonly status: string;
}

async function ask({ url }: Door, target: string, headers: readonly string[]): Promise<Asked> {
  const request = [`GET ${target}`, ...headers].join('\r\n');
  const answer = await converse(Number(new URL(url).port), [`${request}\r\n\r\n`]);
  return { url, request, status: answer.slice(0, answer.indexOf('\r\n')) };
}

/** Asks each door for each odd host, as a request and as an upgrade. */
export function askForOddHosts(doors: readonly Door[]): Promise<Asked[]> {
  const asked = doors.flatMap((door) =>
    (door.upgrades ? [PLAIN, UPGRADE] : [PLAIN]).flatMap((kind) => [
      ...ODD_HOSTS.map((odd) => ask(door, '/healthz HTTP/1.1', [...odd, ...kind])),
      ...ABSOLUTE_TARGETS.map((target) => ask(door, `${target} HTTP/1.1`, ['Host: localhost', ...kind])),
    ]),
  );
  return Promise.all(asked);
}

/** Asks each door by a good name. */
export function askForGoodHosts(doors: readonly Door[]): Promise<Asked[]> {
  const hosts = ['localhost', '127.0.0.1:80', '[::1]:5999'];
  return Promise.all(
    doors.flatMap((door) => hosts.map((host) => ask(door, '/healthz HTTP/1.1', [`Host: ${host}`, ...PLAIN]))),
  );
}
