/** The contract's closed list. `internal` is on it, but nothing that a client sends may lead to it. */
const CODES = new Set(
  'bad_request unauthorized forbidden not_joined not_found limit too_large rate_limited unavailable'.split(
    ' ',
  ),
);

/** What is wrong with a refusal, if it is one. */
export function wrongWith(what: string, answer: unknown): string[] {
  const refusal = answer as {
    ok?: unknown;
    error?: { code?: string; message?: unknown; temporary?: unknown };
  };
  if (refusal?.ok === true) return [];
  const { code, message, temporary } = refusal?.error ?? {};
  const right = typeof message === 'string' && typeof temporary === 'boolean' && CODES.has(code ?? '');
  return right ? [] : [`${what}: ${JSON.stringify(answer)?.slice(0, 300)}`];
}

/** What is wrong with a Socket.IO packet of the server, as text behind Engine.IO's `4`. */
export function wrongWithPacket(packet: string): string[] {
  const start = packet.search(/[[{]/);
  const head = start < 0 ? packet : packet.slice(0, start);
  if (!/^[234]/.test(head) || start < 0) return [];
  const data = JSON.parse(packet.slice(start));
  if (head.startsWith('3')) return wrongWith('an ack', data[0]);
  if (head.startsWith('4')) {
    // Socket.IO's own answer, as every user of it knows it.
    if (data.message === 'Invalid namespace') return [];
    return wrongWith('connect_error', { error: { temporary: false, ...data.data, message: data.message } });
  }
  return data[0] === 'refused' ? wrongWith('refused', data[1]) : [];
}

/** What is wrong with an answer of the HTTP API. */
export function wrongWithHttp(what: string, status: number, type: string | null, body: string): string[] {
  if (status < 400 || body === '') return status === 500 ? [`${what}: 500`] : [];
  if (!type?.startsWith('application/json'))
    return status < 500 ? [] : [`${what}: ${status} ${body.slice(0, 300)}`];
  return wrongWith(`${what}: ${status}`, JSON.parse(body));
}
