import type { InboxMarkers, ItemProgress, MarkerUpdate } from '../../chat/inbox-store.ts';
import type { Position } from '../../chat/log-store.ts';

/** A marker was raised to `seq` at that time. */
type Step = readonly [seq: number, at: number];

/** The markers of an inbox, stored beside its log: the newest steps of each, the last of which is its value. */
export interface InboxMarkerRecord {
  readonly sent: readonly Step[];
  readonly recv: readonly Step[];
  readonly read: readonly Step[];
  readonly news?: Position;
}

export const NO_MARKERS: InboxMarkerRecord = { sent: [], recv: [], read: [] };

const STEPS_KEPT = 200;

export function markersOf({ recv, read, news }: InboxMarkerRecord): InboxMarkers {
  return { recv: seqOf(recv), read: seqOf(read), ...(news === undefined ? {} : { announcements: news }) };
}

/** Returns the same record if nothing rises. No step is dated before the inbox's last item or an earlier step. */
export function raiseMarkers(
  record: InboxMarkerRecord,
  { sent = 0, recv = 0, read = 0 }: MarkerUpdate,
  inbox: { readonly top: number; readonly at: number },
  now: number,
): InboxMarkerRecord {
  const at = Math.max(now, inbox.at, ...[record.sent, record.recv, record.read].map(timeOf));
  const raise = (steps: readonly Step[], to: number): readonly Step[] => {
    const seq = Math.min(to, inbox.top);
    return seq > seqOf(steps) ? [...steps, [seq, at] as const].slice(-STEPS_KEPT) : steps;
  };
  const raised = {
    ...record,
    sent: raise(record.sent, sent),
    recv: raise(record.recv, Math.max(recv, read)),
    read: raise(record.read, read),
  };
  const same = raised.sent === record.sent && raised.recv === record.recv && raised.read === record.read;
  return same ? record : raised;
}

export function progressOf(record: InboxMarkerRecord, seq: number): ItemProgress {
  const coveredAt = (steps: readonly Step[]) => steps.find(([covered]) => covered >= seq)?.[1];
  const [sentAt, recvAt, readAt] = [record.sent, record.recv, record.read].map(coveredAt);
  return {
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(recvAt === undefined ? {} : { recvAt }),
    ...(readAt === undefined ? {} : { readAt }),
  };
}

export function isAt(position: Position | undefined, other: Position | undefined): boolean {
  return position?.epoch === other?.epoch && position?.seq === other?.seq;
}

function seqOf(steps: readonly Step[]): number {
  return steps.at(-1)?.[0] ?? 0;
}

function timeOf(steps: readonly Step[]): number {
  return steps.at(-1)?.[1] ?? 0;
}
