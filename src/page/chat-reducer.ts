import type { ChatEvent, ChatState, Link, Typist } from './chat-state.ts';
import { type Draft, updateDraft, withoutDraft } from './drafts.ts';
import { earlier, gapped, heard, joined, latest, said, trimmed } from './room-log.ts';

export function reduceChat(state: ChatState, event: ChatEvent): ChatState {
  const next = applied(state, event);
  if (next.drafts === state.drafts && next.link === state.link) return next;
  return { ...next, drafts: withStatus(next.drafts, next.link.phase === 'joined' ? 'sending' : 'waiting') };
}

/** What is not sent while the room is joined is about to be. */
function withStatus(drafts: readonly Draft[], status: 'sending' | 'waiting'): readonly Draft[] {
  return drafts.map((draft) =>
    draft.status === 'failed' || draft.status === status ? draft : { ...draft, status },
  );
}

function applied(state: ChatState, event: ChatEvent): ChatState {
  switch (event.type) {
    case 'link':
      return linked(state, event.link);
    case 'hello':
      return {
        ...state,
        me: event.hello.user,
        maxTextBytes: event.hello.limits.maxTextBytes,
        dedupeTtlMs: event.hello.limits.dedupeTtlS * 1000,
      };
    case 'joined':
      return trimmed(joined(state, event.joined));
    case 'message':
      return trimmed(heard(state, event.message));
    case 'gap':
      return gapped(state, event.gap);
    case 'latest':
      return trimmed(latest(state, event.page));
    case 'earlierAsked':
      return { ...state, earlier: 'loading' };
    case 'earlierFailed':
      return { ...state, earlier: 'failed' };
    case 'earlier':
      return earlier(state, event.before, event.page);
    case 'counted':
      return { ...state, users: event.users };
    case 'typing':
      return { ...state, typists: typistsWith(state.typists, event.typing) };
    case 'muted':
      return { ...state, mute: event.mute };
    case 'following':
      return trimmed({ ...state, following: event.following });
    case 'restored':
      return { ...state, typed: event.typed, drafts: [...event.drafts, ...state.drafts] };
    case 'drafted':
      return { ...state, drafts: [...state.drafts, event.draft] };
    case 'said':
      // Whoever is heard again is muted no more, which nobody tells.
      return trimmed({ ...said(state, event.clientMsgId, event.said), mute: undefined });
    case 'failed':
      return {
        ...state,
        drafts: updateDraft(state.drafts, event.clientMsgId, (draft) => ({
          ...draft,
          status: 'failed',
          problem: event.problem,
        })),
      };
    case 'retried':
      return {
        ...state,
        drafts: updateDraft(state.drafts, event.clientMsgId, ({ problem: _, ...draft }) => ({
          ...draft,
          status: 'waiting',
        })),
      };
    case 'discarded':
      return { ...state, drafts: withoutDraft(state.drafts, event.clientMsgId) };
  }
}

function linked(state: ChatState, link: Link): ChatState {
  if (link.phase === 'joined') return { ...state, link };
  const earlier = state.earlier === 'loading' ? 'idle' : state.earlier;
  return { ...state, link, earlier, typists: [] };
}

function typistsWith(
  typists: readonly Typist[],
  { userId, username, on }: Typist & { on: boolean },
): Typist[] {
  const others = typists.filter((typist) => typist.userId !== userId);
  return on ? [...others, { userId, username }] : others;
}
