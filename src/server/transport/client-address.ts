import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Whose `X-Forwarded-For` is believed where nobody said. */
const DEFAULT_TRUST = ['loopback'];
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const;
/** Where proxies are that nobody named. The last is what carriers and clusters of containers number their own with. */
const NEARBY = ['uniquelocal', 'linklocal', '100.64.0.0/10'];

const MAX_KINDS = 1_000;

interface AddressKind {
  readonly isTrusted: boolean;
  /** A proxy's own: it did not say whom it speaks for, or nothing that is an address. */
  readonly isProxy: boolean;
  readonly isNearby: boolean;
  readonly key: string;
}

/** Where a request comes from, as a key: an IPv4 address, or an IPv6 network of /64, which is what one customer gets. */
export interface ClientAddresses {
  /** What RATE_CONNECT counts by. Undefined: nobody can tell, or it is that of a proxy somebody named. */
  counted(request: IncomingMessage): string | undefined;
  /**
   * What other rules may go by. Undefined also where many people may share it unseen: a proxy that does not say whom it
   * speaks for, and, where nobody said which proxies there are, any address that is not a public one.
   */
  personal(request: IncomingMessage): string | undefined;
}

export interface ClientAddressesDeps {
  /** TRUST_PROXY, if it was set. */
  readonly trustProxy: readonly string[] | undefined;
  /** Called once: requests come through what seems to be a proxy and is not trusted, so that nobody knows from whom. */
  readonly onStranger: (address: string) => void;
  /** Called once: a public address says that it speaks for others, and is taken for the client. */
  readonly onIgnored: (address: string) => void;
}

export function createClientAddresses(deps: ClientAddressesDeps): ClientAddresses {
  const { trustProxy } = deps;
  const trusts = proxyAddr.compile([...(trustProxy ?? DEFAULT_TRUST)]);
  const isLoopback = proxyAddr.compile('loopback');
  const isNearby = proxyAddr.compile([...NEARBY]);
  const kinds = new Map<string, AddressKind>();
  const onStranger = once(deps.onStranger);
  const onIgnored = once(deps.onIgnored);

  /** Parsing an address and looking it up in the lists takes 13 µs, and one who comes back has the same. */
  function kindOf(address: string): AddressKind {
    let kind = kinds.get(address);
    if (!kind) {
      if (kinds.size >= MAX_KINDS) kinds.clear();
      const isTrusted = trusts(address, 0);
      kind = {
        isTrusted,
        isProxy: isTrusted || isLoopback(address, 0),
        isNearby: isNearby(address, 0),
        key: keyOf(address),
      };
      kinds.set(address, kind);
    }
    return kind;
  }

  function addressOf(request: IncomingMessage): string | undefined {
    const peer = request.socket.remoteAddress;
    if (peer === undefined || isIP(peer) === 0) return undefined;
    const forwarded = FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined);
    if (!forwarded) return peer;
    // With TRUST_PROXY set the operator has said who is a proxy: this is none.
    if (trustProxy === undefined && !kindOf(peer).isTrusted) {
      // All its clients would share one budget.
      if (kindOf(peer).isNearby) {
        onStranger(peer);
        return undefined;
      }
      // Any client can send these headers: it would be free of every limit by address.
      onIgnored(peer);
    }
    // What is no address was not written by a proxy.
    const address = proxyAddr(request, trusts);
    return ipaddr.isValid(address) ? address : peer;
  }

  return {
    counted(request) {
      const address = addressOf(request);
      if (address === undefined) return undefined;
      // Where nobody named one it may as well be the client: this machine's own.
      const { isTrusted, key } = kindOf(address);
      return trustProxy !== undefined && isTrusted ? undefined : key;
    },
    personal(request) {
      const address = addressOf(request);
      if (address === undefined) return undefined;
      const { isProxy, isNearby: isNear, key } = kindOf(address);
      return isProxy || (trustProxy === undefined && isNear) ? undefined : key;
    },
  };
}

function once(tell: (address: string) => void): (address: string) => void {
  let told = false;
  return (address) => {
    if (!told) tell(address);
    told = true;
  };
}

function keyOf(address: string): string {
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')
    : parsed.toString();
}
