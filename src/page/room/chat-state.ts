import type { User } from '../../protocol/people.ts';
import type { Right } from '../../protocol/rights.ts';
import type { ComposerTarget } from '../composer/target.ts';
import type { Mute, Typist } from '../composer/typist.ts';
import type { Problem } from '../language/problems.ts';
import type { Draft } from './drafts.ts';
import type { OwnReactions } from './own-reactions.ts';
import type { FailedRequest } from './requests.ts';
import type { Timeline } from './timeline.ts';

export type ConnectionState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'joined' }
  /** Comes back by itself; `backAt` when the server said when. */
  | { readonly phase: 'lost'; readonly reason: Problem; readonly backAt?: number }
  /** Connected, but the room refuses the reader. Comes back only when the reader asks. */
  | { readonly phase: 'outside'; readonly reason: Problem }
  /** Comes back only when the reader asks. */
  | { readonly phase: 'stopped'; readonly reason: Problem };

export interface ChatState {
  readonly connection: ConnectionState;
  readonly me?: User;
  readonly maxTextBytes: number;
  readonly timeline: Timeline;
  /** The key of the newest message that the room had when the page entered. */
  readonly history?: string;
  readonly drafts: readonly Draft[];
  /** The room has messages older than the timeline's. */
  readonly more: boolean;
  /** The oldest seq that was read. It may be a deletion, which is an entry of the log but not of the timeline. */
  readonly readFrom?: number;
  /**
   * While the room may have messages that fill the newest gap: `more` and `readFrom` are those of the rows below the gap,
   * and these are those of the rows above it.
   */
  readonly above?: Pick<ChatState, 'more' | 'readFrom'>;
  readonly earlier: 'idle' | 'loading' | 'failed';
  /** The reader is at the end of the list. */
  readonly following: boolean;
  /** The room is on the screen, and the page in sight. */
  readonly attended: boolean;
  /** The key of the newest entry that the reader had seen when they looked away; see reading.ts. */
  readonly seen?: string;
  /** The reader's read mark at the join, until the history is there. */
  readonly readUpTo?: number;
  readonly users?: number;
  /** The reader's rights; absent with a server of an earlier release. */
  readonly can?: readonly Right[];
  /** The ids of users whose name looks like that of somebody else here. */
  readonly confusable: ReadonlySet<string>;
  /** The names of those present, by user id; those of a room with more than 200 connections are not listed. */
  readonly names: ReadonlyMap<string, string>;
  readonly ownReactions: OwnReactions;
  readonly failed?: FailedRequest;
  readonly target?: ComposerTarget;
  /** Other people who are writing now. Over a lost connection the SDK ends those who stop meanwhile. */
  readonly typists: readonly Typist[];
  readonly mute?: Mute;
  readonly noticesMade: number;
}

export const INITIAL_STATE: ChatState = {
  connection: { phase: 'connecting' },
  maxTextBytes: 8192,
  timeline: [],
  drafts: [],
  more: false,
  earlier: 'idle',
  following: true,
  attended: false,
  confusable: new Set(),
  names: new Map(),
  ownReactions: new Map(),
  typists: [],
  noticesMade: 0,
};
