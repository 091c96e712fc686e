/** The part of a primary's /status that the table shows. */
export interface HostStatus {
  readonly primary: { readonly pid: number; readonly version: string; readonly startedAt: number };
  readonly cluster:
    | { readonly error: { readonly message: string } }
    | Readonly<Record<'hosts' | 'workers' | 'clients' | 'users' | 'rooms', number>>;
  /** The servers of the store that are away while others serve. */
  readonly store?: { readonly away: readonly string[] };
  readonly hosts?: readonly { readonly name: string; readonly workers: number; readonly clients: number }[];
  readonly workers: readonly {
    readonly slot: number;
    readonly pid: number;
    readonly port: number;
    readonly clients: number;
    readonly rooms: number;
    readonly loopDelayMs: number;
    readonly rssBytes: number;
    readonly state: string;
  }[];
}

/** Counters of this host's workers together, and when they were read. */
export interface Counters {
  readonly atMs: number;
  readonly stored: number;
  readonly delivered: number;
}

const MIB = 1024 * 1024;

/** Draws the status for people. With the counters of an earlier look it shows rates. */
export function statusTable(status: HostStatus, now: number, rates: string | undefined): string {
  const { primary, cluster, store, hosts = [], workers } = status;
  const head = `Roomcast ${primary.version}, pid ${primary.pid}, up ${lasted(now - primary.startedAt)}`;
  const all =
    'error' in cluster
      ? `cluster: ${cluster.error.message}`
      : `cluster: ${(['hosts', 'workers', 'clients', 'users', 'rooms'] as const)
          .map((what) => counted(cluster[what], what))
          .join(', ')}`;
  const byHost = columns([
    ['host', 'workers', 'clients'],
    ...hosts.map((host) => [host.name, shown(host.workers), shown(host.clients)]),
  ]);
  const bySlot = columns([
    ['slot', 'port', 'pid', 'clients', 'rooms', 'loop delay', 'memory', 'state'],
    ...workers.map((worker) => [
      String(worker.slot),
      String(worker.port),
      String(worker.pid),
      shown(worker.clients),
      shown(worker.rooms),
      `${worker.loopDelayMs} ms`,
      `${Math.round(worker.rssBytes / MIB)} MiB`,
      worker.state,
    ]),
  ]);
  const away = (store?.away ?? []).map((server) => `store: ${server} is away`);
  return `${[head, all, ...away, ...(rates === undefined ? [] : [`this host: ${rates}`]), '', byHost, '', bySlot].join('\n')}\n`;
}

/** The rates between two looks at the counters; undefined if a restarted worker makes them fall. */
export function ratesBetween(before: Counters, after: Counters): string | undefined {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const stored = (after.stored - before.stored) / seconds;
  const delivered = (after.delivered - before.delivered) / seconds;
  if (!(seconds > 0) || stored < 0 || delivered < 0) return undefined;
  return `${shown(Math.round(stored))} messages/s stored, ${shown(Math.round(delivered))} deliveries/s`;
}

/** Sums a counter over its labels in the text of /metrics; 0 if it is not there. */
export function sumOf(metrics: string, name: string): number {
  const values = metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `plural` in the singular for 1; all of them end in s. */
function counted(count: number, plural: string): string {
  return `${shown(count)} ${count === 1 ? plural.slice(0, -1) : plural}`;
}

function shown(count: number): string {
  return count.toLocaleString('en-US');
}

function lasted(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
