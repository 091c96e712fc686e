import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';
import type { Sized } from '../../sizes.ts';

/** The proxies that are trusted without TRUST_PROXY. */
const DEFAULT_TRUST = ['loopback'];
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const;
/** Networks where unnamed proxies usually are. Carriers and container clusters use the last one. */
const NEARBY = ['uniquelocal', 'linklocal', '100.64.0.0/10'];

const MAX_KINDS = 1_000;

interface AddressKind {
  readonly isTrusted: boolean;
  /** The address of a proxy that named no valid client address. */
  readonly isProxy: boolean;
  readonly isNearby: boolean;
  readonly key: string;
}

/** The client's address as a key: an IPv4 address or an IPv6 /64 network, which is what one customer gets. */
export interface ClientAddresses {
  /** The key of RATE_CONNECT. Undefined if it is unknown or belongs to a named proxy. */
  counted(request: IncomingMessage): string | undefined;
  /**
   * The key of all other rules. Also undefined if many people may share the address unseen: the address of a proxy that names no
   * client, and, without TRUST_PROXY, any address that is not public.
   */
  personal(request: IncomingMessage): string | undefined;
}

export interface ClientAddressesDeps {
  /** TRUST_PROXY, if it is set. */
  readonly trustProxy: readonly string[] | undefined;
  /** Called once, when requests come through a likely proxy that is not trusted: their clients' addresses are unknown. */
  readonly onStranger: (address: string) => void;
  /** Called once, when an untrusted public address sends forwarding headers: they are ignored. */
  readonly onIgnored: (address: string) => void;
}

export function createClientAddresses(deps: ClientAddressesDeps): ClientAddresses & Sized {
  const { trustProxy } = deps;
  const trusts = proxyAddr.compile([...(trustProxy ?? DEFAULT_TRUST)]);
  const isLoopback = proxyAddr.compile('loopback');
  const isNearby = proxyAddr.compile([...NEARBY]);
  const kinds = new Map<string, AddressKind>();
  const onStranger = once(deps.onStranger);
  const onIgnored = once(deps.onIgnored);

  /** Parsing and classifying an address takes 13 µs. A client that reconnects has the same address. */
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
    // If TRUST_PROXY is set, an address that it does not name is not a proxy.
    if (trustProxy === undefined && !kindOf(peer).isTrusted) {
      // Otherwise all clients of the proxy would share one budget.
      if (kindOf(peer).isNearby) {
        onStranger(peer);
        return undefined;
      }
      // Otherwise any client could escape the limits by address with such a header.
      onIgnored(peer);
    }
    // A proxy writes nothing but addresses.
    const address = proxyAddr(request, trusts);
    return ipaddr.isValid(address) ? address : peer;
  }

  return {
    sizes: () => ({ kinds: kinds.size }),
    counted(request) {
      const address = addressOf(request);
      if (address === undefined) return undefined;
      // A loopback address may also be a client on this machine if TRUST_PROXY is not set.
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

function once(report: (address: string) => void): (address: string) => void {
  let reported = false;
  return (address) => {
    if (!reported) report(address);
    reported = true;
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
