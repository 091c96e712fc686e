import type { Outcome } from '../protocol/codes.ts';

/** A part of the listing. */
export interface LoggedRoomsPage {
  readonly roomids: readonly string[];
  /** The place to go on, for the store alone to read: letters, digits and `.-_`. Absent: the listing is complete. */
  readonly next?: string;
}

/** The rooms with at least one entry in their log, whether anybody is in them or not. */
export interface LoggedRooms {
  /**
   * Looks through a bounded part of the store, so a page may be empty though others follow. It holds about `limit` rooms at
   * most, in no order. A room that has an entry from the first page to the last MUST be in one of them, and may be in several.
   * A place that this store never gave is `bad_request`.
   */
  list(
    nsp: string,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<Outcome<LoggedRoomsPage>>;
}

/** The form of a place in the listing. */
export const LISTING_PLACE = /^[\w.-]{1,64}$/;
