import fc from 'fast-check';
import { wrongWithPacket } from '../answers.ts';
import { type Surface, shared } from '../campaign.ts';
import { mangled } from '../values.ts';
import { packet } from './packets.ts';

/** Many end the session they come in. */
const PER_SESSION = 3;
/** A poll is answered once there is something to tell. */
const GET_LIMIT_MS = 50;
const ANSWER_LIMIT_MS = 20_000;
const SEPARATOR = '\x1e';

interface Sent {
  readonly method: string;
  readonly body: string;
  readonly type: string;
  /** In the address, behind the session's own. */
  readonly more: string;
}

const whole = fc.array(packet, { maxLength: 6 }).map((all) => all.join(SEPARATOR));
const body = fc.oneof(
  { weight: 4, arbitrary: whole },
  { weight: 2, arbitrary: mangled(whole) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(packet, fc.constantFrom(50, 3_000))
      .map(([one, n]) => `${one.slice(0, 20)}${SEPARATOR}`.repeat(n)),
  },
);

/** What a polling client posts, and asks for beside it. */
export const polling: Surface<Sent> = {
  name: 'polling',
  input: fc.record({
    method: fc.constantFrom('POST', 'POST', 'POST', 'POST', 'GET', 'PUT', 'OPTIONS', 'DELETE'),
    body,
    type: fc.constantFrom(
      'text/plain;charset=UTF-8',
      'text/plain',
      'application/octet-stream',
      'application/json',
    ),
    more: fc.constantFrom('', '', '', '&j=0', '&sid=x', '&b64=1', '&t=%00', '&transport=websocket', '&EIO=3'),
  }),
  async send({ system }, inputs) {
    const sessions = shared(inputs, PER_SESSION).map((sent, index) =>
      converse(system.entrances[index % system.entrances.length] as string, sent),
    );
    return (await Promise.all(sessions)).flat();
  },
};

async function converse(url: string, inputs: readonly Sent[]): Promise<string[]> {
  const path = `${url}/socket.io/?EIO=4&transport=polling`;
  const opened = await (await fetch(path)).text();
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
  const mine = `${path}&sid=${sid}`;
  const wrong: string[] = [];
  const reading = new AbortController();
  const read = readAll(mine, reading.signal, wrong);
  await fetch(mine, { method: 'POST', body: '40', headers: { 'content-type': 'text/plain' } });
  for (const { method, body: sent, type, more } of inputs) {
    const limitMs = method === 'GET' ? GET_LIMIT_MS : ANSWER_LIMIT_MS;
    const answer = await fetch(`${mine}${more}`, {
      method,
      headers: { 'content-type': type },
      signal: AbortSignal.any([reading.signal, AbortSignal.timeout(limitMs)]),
      ...(method === 'GET' ? {} : { body: sent }),
    }).catch((error: Error) => error);
    if (answer instanceof Error) {
      if (method !== 'GET' && answer.name === 'TimeoutError') wrong.push(`no answer to ${method}${more}`);
      continue;
    }
    // Engine.IO's own answer to methods it does not know.
    const known = method === 'GET' || method === 'POST';
    if (known && answer.status >= 500) wrong.push(`${method}${more}: ${answer.status}`);
    await answer.arrayBuffer().catch(() => undefined);
  }
  reading.abort();
  await read;
  return wrong;
}

async function readAll(url: string, signal: AbortSignal, wrong: string[]): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(url, { signal }).catch(() => undefined);
    if (answer?.status !== 200) return;
    const body = await answer.text().catch(() => '');
    for (const one of body.split(SEPARATOR))
      if (one.startsWith('4')) wrong.push(...wrongWithPacket(one.slice(1)));
  }
}
