import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Whose `X-Forwarded-For` is believed where nobody said. */
const DEFAULT_TRUST = ['loopback'];
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const;

/** Where a request comes from, as a key: an IPv4 address, or an IPv6 network of /64, which is what one customer gets. */
export interface ClientAddresses {
  /** What RATE_CONNECT counts by. Undefined: nobody can tell. */
  counted(request: IncomingMessage): string | undefined;
  /**
   * What other rules may go by. Undefined also where many people may share it unseen: a proxy on this machine that
   * does not say whom it speaks for.
   */
  personal(request: IncomingMessage): string | undefined;
}

export interface ClientAddressesDeps {
  /** TRUST_PROXY, if it was set. */
  readonly trustProxy: readonly string[] | undefined;
  /** Called once: requests come through a proxy that is not trusted. */
  readonly onStranger: (address: string) => void;
}

export function createClientAddresses({ trustProxy, onStranger }: ClientAddressesDeps): ClientAddresses {
  const trusts = proxyAddr.compile([...(trustProxy ?? DEFAULT_TRUST)]);
  const isLoopback = proxyAddr.compile('loopback');
  let warned = false;

  function addressOf(request: IncomingMessage): string | undefined {
    const peer = request.socket.remoteAddress;
    if (peer === undefined || !ipaddr.isValid(peer)) return undefined;
    const forwarded = FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined);
    if (forwarded && !trusts(peer, 0) && trustProxy === undefined) {
      // All its clients would share one budget. With TRUST_PROXY set the operator has said who is a proxy: this is none.
      if (!warned) onStranger(peer);
      warned = true;
      return undefined;
    }
    // What is no address was not written by a proxy.
    const address = proxyAddr(request, trusts);
    return ipaddr.isValid(address) ? address : peer;
  }

  return {
    counted(request) {
      const address = addressOf(request);
      return address === undefined ? undefined : keyOf(address);
    },
    personal(request) {
      const address = addressOf(request);
      return address === undefined || isLoopback(address, 0) ? undefined : keyOf(address);
    },
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
