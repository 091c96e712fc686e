import { type Refusal, refuse } from '../protocol/codes.ts';

/** Refuses a `clientMsgId` that names another message. It stores nothing and does not repeat the first answer. */
export function refuseReusedId(): Refusal {
  return refuse('bad_request', 'clientMsgId: was used for another message');
}
