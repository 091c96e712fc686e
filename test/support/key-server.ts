import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

type Answer = 'keys' | 'error' | 'nonsense' | 'nothing';

/** Whoever issues tokens: a key set at an address, and what is signed with its keys. */
export interface KeyServer {
  readonly url: string;
  /** How often the set was asked for. */
  readonly reads: () => number;
  /** Puts a new key in, beside the present ones or in their place; `kid: null` leaves it unnamed. */
  turn(how: 'add' | 'replace', alg?: string, kid?: string | null): Promise<Key>;
  answer(how: Answer): void;
  close(): Promise<void>;
}

export interface Key {
  sign(claims: JWTPayload, header?: { readonly alg?: string; readonly kid?: string }): Promise<string>;
  /** The public key as text, which everybody can read. */
  readonly pem: string;
}

export async function openKeyServer(): Promise<KeyServer> {
  let keys: object[] = [];
  let made = 0;
  let reads = 0;
  let how: Answer = 'keys';
  const server = createServer((_request, response) => {
    reads += 1;
    if (how === 'nothing') return;
    response.statusCode = how === 'error' ? 500 : 200;
    response.end(how === 'nonsense' ? '{' : JSON.stringify({ keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/keys`,
    reads: () => reads,
    async turn(where, alg = 'ES256', named) {
      made += 1;
      const kid = named === undefined ? `key ${made}` : named;
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const name = kid === null ? {} : { kid };
      const jwk = { ...(await exportJWK(publicKey)), alg, use: 'sig', ...name };
      keys = where === 'add' ? [...keys, jwk] : [jwk];
      return {
        pem: await exportSPKI(publicKey),
        sign: (claims, header) =>
          new SignJWT(claims).setProtectedHeader({ alg, ...name, ...header }).sign(privateKey),
      };
    },
    answer(next) {
      how = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
