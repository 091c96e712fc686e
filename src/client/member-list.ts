import type { PresentPerson } from '../protocol/people.ts';
import type { MemberPage, PresenceCount, PresenceDiff } from '../protocol/rooms.ts';

/** The members of a room that the server has reported. */
export interface Members {
  readonly users: number;
  /** Sorted by user id. Absent in a room that has, or lately had, more than 200 connections: the server sends counts only. */
  readonly list?: readonly PresentPerson[];
}

export interface MemberListDeps {
  /** Asks for one page of `room:members`; no page: there is no answer now, but after `retryInMs` there may be. */
  readonly ask: (
    cursor: string | undefined,
    answered: (page: MemberPage | undefined, retryInMs?: number) => void,
  ) => void;
  readonly onChange: (members: Members) => void;
}

/**
 * Follows the members of a room by its diffs and counts. A missing `rev` means that one was lost: the list is fetched
 * again. It asks for nothing until `follow`.
 */
export interface MemberList {
  /** Starts to follow; returns a function that stops it. */
  follow(): () => void;
  /** The room was joined (again). */
  refresh(): void;
  apply(change: PresenceDiff | PresenceCount): void;
  /** Asks for nothing more. */
  end(): void;
}

/** The server's limit: beyond it a room gets counts instead of diffs. */
const MAX_LISTED = 200;
/** Changes that may arrive during a fetch; with more the list is fetched again. */
const MAX_EARLY = 20;

export function createMemberList({ ask, onChange }: MemberListDeps): MemberList {
  let followers = 0;
  let rev = 0;
  let people: Map<string, PresentPerson> | undefined;
  let users = 0;
  /** Changes that arrived during the fetch; undefined: no fetch is running. */
  let early: (PresenceDiff | PresenceCount)[] | undefined;
  /** Answers to earlier fetches are ignored. */
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function fetch(): void {
    if (followers === 0) return;
    stop();
    const mine = turn;
    const found = new Map<string, PresentPerson>();
    let first: MemberPage | undefined;
    early = [];
    function next(cursor: string | undefined): void {
      ask(cursor, (page, retryInMs) => {
        if (mine !== turn) return;
        if (!page) {
          early = undefined;
          if (retryInMs !== undefined) timer = setTimeout(fetch, retryInMs);
          return;
        }
        first ??= page;
        for (const { userId, username, avatar, confusable } of page.members) {
          found.set(userId, { userId, username, avatar, ...(confusable && { confusable }) });
        }
        if (page.cursor !== undefined && first.clients <= MAX_LISTED) next(page.cursor);
        else settle(first, found);
      });
    }
    next(undefined);
  }

  function stop(): void {
    turn += 1;
    clearTimeout(timer);
    early = undefined;
  }

  function settle(first: MemberPage, found: Map<string, PresentPerson>): void {
    const changes = early ?? [];
    early = undefined;
    rev = first.rev;
    people = first.clients > MAX_LISTED ? undefined : found;
    users = people?.size ?? first.users;
    for (const change of changes) if (change.rev > rev) take(change);
    notify();
  }

  function notify(): void {
    if (early) return;
    const list = people && [...people.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
    onChange({ users, list });
  }

  /** False: the list must be fetched. */
  function take(change: PresenceDiff | PresenceCount): boolean {
    const follows = change.rev === rev + 1;
    if ('clients' in change) {
      // A small room needs no list after a count that follows: the next diff skips a `rev`, and that fetches it.
      if (change.clients <= MAX_LISTED && change.rev !== rev && !follows) return false;
      if (change.clients > MAX_LISTED || change.rev !== rev) people = undefined;
      rev = change.rev;
      users = people?.size ?? change.users;
      return true;
    }
    if (!follows || !people) return false;
    rev = change.rev;
    for (const person of change.joins) people.set(person.userId, person);
    for (const { userId } of change.leaves) people.delete(userId);
    users = people.size;
    return true;
  }

  return {
    follow() {
      followers += 1;
      if (followers === 1) fetch();
      else if (rev > 0) notify();
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        followers -= 1;
        if (followers > 0) return;
        stop();
        people = undefined;
        rev = 0;
      };
    },
    refresh: fetch,
    end: stop,
    apply(change) {
      if (followers === 0) return;
      if (early) {
        early.push(change);
        if (early.length > MAX_EARLY) fetch();
      } else if (change.rev < rev) {
        // It is older than the list.
      } else if (!('clients' in change) && change.rev === rev) {
        // The list has it already.
      } else if (take(change)) notify();
      else fetch();
    },
  };
}
