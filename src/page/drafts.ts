import type { ClientError } from '../client/client-error.ts';
import type { WireError } from '../protocol/codes.ts';

/*
 * An own message until the room has it:
 *
 *   waiting ──room joined──► sending ──ack or echo──► (a message of the timeline)
 *      ▲                        │ ├──refused for good, fate unknown──► failed ──retry──► waiting
 *      └─────room lost──────────┘
 *
 * The SDK's outbox sends it. It keeps its clientMsgId all the way, over reloads too: however often it is sent, the
 * room stores it once.
 */
export interface Draft {
  readonly clientMsgId: string;
  readonly text: string;
  readonly madeAt: number;
  readonly status: 'waiting' | 'sending' | 'failed';
  readonly problem?: string;
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

export const UNKNOWN_FATE = 'It is not known whether this arrived. Sending it again may show it twice.';
export const OTHER_PERSON =
  'This was written by somebody else in this tab. It is not sent in your name by itself.';
export const TOO_MANY = 'Too many messages wait to be sent already.';

export function describeProblem(error: WireError | ClientError): string {
  switch (error.code) {
    case 'unknown':
      return UNKNOWN_FATE;
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
