/** The message that the field's text answers or replaces. */
export type ComposerTarget =
  /** `text`: the first line of the message. */
  | { readonly kind: 'reply'; readonly seq: number; readonly username: string; readonly text: string }
  /** `text`: the whole text, to be changed in the field. */
  | { readonly kind: 'edit'; readonly seq: number; readonly text: string };
