import type { WireError } from '../protocol/codes.ts';

/*
 * An own message until the room has it:
 *
 *   waiting ──connection up──► sending ──ack or echo──► (a message of the timeline)
 *      ▲                          │ ├──refused, no answer──► failed ──retry──► waiting
 *      └────connection lost───────┘
 *
 * It keeps its clientMsgId all the way: however often it is sent, the room stores it once.
 */
export interface Draft {
  readonly clientMsgId: string;
  readonly text: string;
  readonly madeAt: number;
  readonly status: 'waiting' | 'sending' | 'failed';
  readonly problem?: string;
  /** From here on the server counts how long it remembers the clientMsgId. */
  readonly firstSentAt?: number;
}

export function draftKey(clientMsgId: string): string {
  return `own:${clientMsgId}`;
}

export function updateDraft(
  drafts: readonly Draft[],
  clientMsgId: string,
  change: (draft: Draft) => Draft,
): readonly Draft[] {
  return drafts.map((draft) => (draft.clientMsgId === clientMsgId ? change(draft) : draft));
}

export function withoutDraft(drafts: readonly Draft[], clientMsgId: string): readonly Draft[] {
  return drafts.filter((draft) => draft.clientMsgId !== clientMsgId);
}

/** An unanswered draft is sent again only while the server would recognise it; later it could appear twice. */
export function isForgotten(draft: Draft, now: number, dedupeTtlMs: number): boolean {
  return draft.firstSentAt !== undefined && now - draft.firstSentAt >= dedupeTtlMs;
}

export const NO_ANSWER = 'No answer from the server.';
export const UNKNOWN_FATE = 'It is not known whether this arrived. Sending it again may show it twice.';

export function describeRefusal(error: WireError): string {
  switch (error.code) {
    case 'too_large':
      return 'This is too long to send.';
    case 'rate_limited':
      return 'Too many messages at once. Wait a moment.';
    case 'unavailable':
      return 'The server cannot store messages right now.';
    case 'internal':
      return 'Something went wrong on the server.';
    default:
      return error.message;
  }
}
