import type { Draft as UnsentMessage } from '../../client/index.ts';
import type { Problem } from '../language/problems.ts';

/*
 * An own message until the room has it, as the page draws it:
 *
 *   waiting ──room joined──► sending ──ack or echo──► (a message of the timeline)
 *      ▲                        │ ├──refused for good, fate unknown──► failed ──retry──► waiting
 *      └─────room lost──────────┘
 *
 * While the room refuses the reader, `outside` takes the place of `waiting`.
 */
export interface Draft {
  readonly clientMsgId: string;
  readonly text: string;
  /** ms since 1970 by this device's clock. */
  readonly writtenAt: number;
  /** The `seq` of the message that it answers. */
  readonly replyTo?: number;
  readonly status: 'waiting' | 'outside' | 'sending' | 'failed';
  readonly problem?: Problem;
}

export function draftOf({ clientMsgId, text, at = 0, replyTo, problem }: UnsentMessage): Draft {
  const draft = { clientMsgId, text, writtenAt: at, ...(replyTo !== undefined && { replyTo }) };
  if (!problem) return { ...draft, status: 'waiting' };
  return { ...draft, status: 'failed', problem };
}

export function draftKey(clientMsgId: string): string {
  return `own:${clientMsgId}`;
}

export function withoutDraft(drafts: readonly Draft[], clientMsgId: string): readonly Draft[] {
  return drafts.filter((draft) => draft.clientMsgId !== clientMsgId);
}
