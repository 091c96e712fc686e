import { type Refusal, refuse } from '../protocol/codes.ts';

/** Refuses a `clientMsgId` that names another message. It stores nothing and does not repeat the first answer. */
export function refuseReusedId(): Refusal {
  return refuse('bad_request', 'clientMsgId: was used for another message');
}

/** Tells whether the first message with the id had another content. Earlier releases, and ids of the server, have none. */
export function isOtherContent(
  first: string | undefined,
  { content }: { readonly content?: string | undefined },
): boolean {
  return first !== undefined && content !== undefined && first !== content;
}
