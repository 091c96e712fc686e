/** What a reader may do in a room. */
export interface RoomActions {
  say(text: string): void;
  /** Call it with every key: the text in the field. */
  typed(text: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  loadEarlier(): void;
}
