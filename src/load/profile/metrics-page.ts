/** The sums of the metrics of all hosts at one moment. Counters rise from when each host started. */
export interface Reading {
  /** The hosts of the whole cluster, as its store counts them. */
  readonly hosts: number;
  readonly clients: number;
  readonly pollingClients: number;
  readonly said: number;
  readonly saidPrivately: number;
  /** Messages of rooms times members; changes of presence are not among them. */
  readonly delivered: number;
  readonly connected: number;
  readonly disconnected: number;
  readonly textBytes: number;
  /** The number of texts up to each bound, the shorter ones too; the last bound is infinite. */
  readonly texts: ReadonlyMap<number, number>;
  /** Counters of each host by itself: in the sums, the rise of one host hides the fall of another. */
  readonly byHost: readonly (readonly number[])[];
}

/** A host that starts again begins each of them at 0. */
const HOST_COUNTERS = [
  'messages_stored_total',
  'messages_delivered_total',
  'connections_total',
  'disconnections_total',
  'message_text_bytes_sum',
] as const;

const WORKER = /^roomcast_worker_up\{/m;
const BUCKET = /^roomcast_message_text_bytes_bucket\{le="([^"]+)"\} (\S+)/gm;

/** `problem` says in a sentence why the pages do not do. */
export function readMetrics(
  pages: readonly { readonly url: string; readonly text: string }[],
): { readonly reading: Reading } | { readonly problem: string } {
  const alien = pages.find(({ text }) => !/^roomcast_/m.test(text));
  if (alien) return { problem: `${alien.url} has no metrics of Roomcast: name the admin port of a host` };
  const single = pages.find(({ text }) => !WORKER.test(text));
  if (single)
    return { problem: `${single.url} has the metrics of one worker: name the admin port of its host` };
  const older = pages.find(({ text }) => !text.includes('\nroomcast_message_text_bytes_count'));
  if (older)
    return { problem: `${older.url} is of an older Roomcast, which does not measure all of a profile` };
  const sum = (name: string) => pages.reduce((total, { text }) => total + sumOf(text, `roomcast_${name}`), 0);
  const texts = new Map<number, number>();
  for (const { text } of pages)
    for (const [, bound, count] of text.matchAll(BUCKET)) {
      const upTo = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      texts.set(upTo, (texts.get(upTo) ?? 0) + Number(count));
    }
  return {
    reading: {
      // Each host says how many there are.
      hosts: Math.max(...pages.map(({ text }) => sumOf(text, 'roomcast_cluster_members', 'kind="hosts"'))),
      clients: sum('clients'),
      pollingClients: sum('polling_clients'),
      said: sum('messages_stored_total'),
      saidPrivately: sum('private_messages_stored_total'),
      delivered: sum('messages_delivered_total') - sum('presence_delivered_total'),
      connected: sum('connections_total'),
      disconnected: sum('disconnections_total'),
      textBytes: sum('message_text_bytes_sum'),
      texts,
      byHost: pages.map(({ text }) => HOST_COUNTERS.map((name) => sumOf(text, `roomcast_${name}`))),
    },
  };
}

function sumOf(text: string, name: string, label = ''): number {
  const rows = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*${label}[^}]*\\})? (\\S+)`, 'gm'));
  return [...rows].reduce((sum, [, value]) => sum + Number(value), 0);
}
