import type { Muted } from '../../protocol/rooms.ts';

export interface Typist {
  readonly userId: string;
  readonly username: string;
}

/** The reader may say nothing; `until` in ms since 1970, without it there is no end. */
export type Mute = Pick<Muted, 'until'>;
