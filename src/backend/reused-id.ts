import { type Refusal, refuse } from '../protocol/codes.ts';

/** Nothing is stored, and the first answer is not given: it is another message's. */
export function refuseReusedId(): Refusal {
  return refuse('bad_request', 'clientMsgId: was used for another message');
}
