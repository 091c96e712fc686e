import type { Problem } from '../language/problems.ts';

/** A change of a message that the reader asks for. */
export type MessageRequest =
  | { readonly kind: 'edit'; readonly seq: number; readonly text: string }
  | { readonly kind: 'delete'; readonly seq: number }
  | { readonly kind: 'react'; readonly seq: number; readonly reaction: string; readonly on: boolean };

/** A request that failed, until the reader repeats it or closes the note. */
export interface FailedRequest {
  readonly request: MessageRequest;
  readonly problem: Problem;
}
