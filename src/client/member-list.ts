import type { Person } from '../protocol/people.ts';
import type { MemberPage, PresenceCount, PresenceDiff } from '../protocol/rooms.ts';

/** Who is in a room, as far as a client is told. */
export interface Members {
  readonly users: number;
  /** By user id. Not there in a room of more than 200 connections, or lately so: only numbers are told of it. */
  readonly list?: readonly Person[];
}

export interface MemberListDeps {
  /** One page of `room:members`; undefined: it cannot be had now. */
  readonly ask: (cursor: string | undefined, answered: (page: MemberPage | undefined) => void) => void;
  readonly onChange: (members: Members) => void;
}

/**
 * Keeps the list of a room by what the room is told. A number that is left out means that something was missed: the
 * list is fetched anew. Nothing is asked until `follow`.
 */
export interface MemberList {
  /** Somebody wants to know from now on; answers how to end it. */
  follow(): () => void;
  /** The room was joined (again). */
  refresh(): void;
  hear(change: PresenceDiff | PresenceCount): void;
}

/** Beyond so many nobody is told of one by one; see the server's limit. */
const MAX_LISTED = 200;
/** What is told while pages come; beyond it the list is fetched once more. */
const MAX_EARLY = 20;

export function createMemberList({ ask, onChange }: MemberListDeps): MemberList {
  let followers = 0;
  let rev = 0;
  let people: Map<string, Person> | undefined;
  let users = 0;
  /** What was told while the list is fetched; undefined: it is not being fetched. */
  let early: (PresenceDiff | PresenceCount)[] | undefined;
  /** Answers of a fetch that was begun anew are void. */
  let turn = 0;

  function fetch(): void {
    if (followers === 0) return;
    turn += 1;
    const mine = turn;
    const found = new Map<string, Person>();
    let first: MemberPage | undefined;
    early = [];
    function next(cursor: string | undefined): void {
      ask(cursor, (page) => {
        if (mine !== turn) return;
        if (!page) {
          early = undefined;
          return;
        }
        first ??= page;
        for (const { userId, username, avatar } of page.members) {
          found.set(userId, { userId, username, ...(avatar === undefined ? {} : { avatar }) });
        }
        if (page.cursor !== undefined && first.clients <= MAX_LISTED) next(page.cursor);
        else settle(first, found);
      });
    }
    next(undefined);
  }

  function settle(first: MemberPage, found: Map<string, Person>): void {
    const told = early ?? [];
    early = undefined;
    rev = first.rev;
    people = first.clients > MAX_LISTED ? undefined : found;
    users = people?.size ?? first.users;
    for (const change of told) if (change.rev > rev) take(change);
    notify();
  }

  function notify(): void {
    if (early) return;
    const list = people && [...people.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
    onChange({ users, ...(list === undefined ? {} : { list }) });
  }

  /** False: the list has to be fetched. */
  function take(change: PresenceDiff | PresenceCount): boolean {
    const follows = change.rev === rev + 1;
    if ('clients' in change) {
      // Of a room this small, one that follows needs no list at once: names come again by themselves, under a number
      // that is left out.
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
        turn += 1;
        early = undefined;
        people = undefined;
        rev = 0;
      };
    },
    refresh: fetch,
    hear(change) {
      if (followers === 0) return;
      if (early) {
        early.push(change);
        if (early.length > MAX_EARLY) fetch();
      } else if (change.rev < rev) {
        // Told before the list was fetched.
      } else if (!('clients' in change) && change.rev === rev) {
        // It is in the list already.
      } else if (take(change)) notify();
      else fetch();
    },
  };
}
