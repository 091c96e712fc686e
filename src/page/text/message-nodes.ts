/** A message's text as it is drawn. Everything that is no node of these kinds stays a string, which is shown as it is. */
export type Block =
  | { readonly kind: 'text'; readonly parts: readonly Inline[] }
  | { readonly kind: 'code'; readonly code: string; readonly language: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  /** `start`: the number of the first item; absent in a list with bullets. */
  | { readonly kind: 'list'; readonly start?: number; readonly items: readonly (readonly Block[])[] };

export type Inline = string | Emphasis | CodeSpan | Link | Mention;

export interface Emphasis {
  readonly kind: 'strong' | 'em';
  readonly parts: readonly Inline[];
}

export interface CodeSpan {
  readonly kind: 'code';
  readonly code: string;
}

export interface Link {
  readonly kind: 'link';
  /** An http, https or mailto address. */
  readonly href: string;
  /** The host it leads to, where the visible text does not say it. */
  readonly leadsTo?: string;
  readonly parts: readonly Inline[];
}

export interface Mention {
  readonly kind: 'mention';
  readonly userId: string;
  /** The name with its @. */
  readonly text: string;
}

/** A person whom a message mentions, by the name that its text may contain. */
export interface Mentioned {
  readonly userId: string;
  readonly username: string;
}
