import { get, type IncomingMessage } from 'node:http';

export interface StreamedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: {
    readonly event?: string;
    readonly ref?: number;
    readonly data?: { readonly text: string };
  };
}

export type EventReader = Awaited<ReturnType<typeof readEvents>>;

/** Reads an event stream until it is closed from either side. */
export async function readEvents(url: string, headers: Readonly<Record<string, string>>) {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(url, { headers, agent: false }, resolve).on('error', reject),
  );
  let text = '';
  let ended = false;
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('close', () => (ended = true)).on('error', () => undefined);
  const field = (block: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
  const events = (): StreamedEvent[] =>
    text
      .slice(0, text.lastIndexOf('\n\n') + 1)
      .split('\n\n')
      .filter((block) => block.includes('data: '))
      .map((block) => ({
        id: field(block, 'id'),
        name: field(block, 'event'),
        data: JSON.parse(field(block, 'data')) as StreamedEvent['data'],
      }));
  return {
    status: response.statusCode,
    text: () => text,
    ended: () => ended,
    lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '',
    events,
    texts: () => events().map(({ data }) => data.data?.text),
    close: () => void response.destroy(),
  };
}
