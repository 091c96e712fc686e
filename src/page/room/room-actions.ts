import type { Members, SayOptions } from '../../client/index.ts';
import type { FieldText } from '../composer/field-text.ts';
import type { ComposerTarget } from '../composer/target.ts';
import type { MessageRequest } from './requests.ts';

/** The actions of a reader in a room. */
export interface RoomActions {
  /** The text of the room's field, which is not sent yet. */
  readonly field: FieldText;
  say(text: string, options?: Pick<SayOptions, 'replyTo' | 'mentions'>): void;
  /** Call it with every key: whether there is a text that will be sent. */
  typing(on: boolean): void;
  /** Calls back with the members, now and on each change. Returns a function that ends it. */
  members(listener: (members: Members) => void): () => void;
  /** Discards a message that was not sent and puts its text back into the field. */
  takeBack(clientMsgId: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  loadEarlier(): void;
  /** Loads older messages until the one with this number is there. */
  loadBackTo(seq: number): void;
  /** Changes a message. A failure shows above the field until it is repeated or forgotten. */
  request(request: MessageRequest): void;
  /** Adds the reaction to the message, or takes it back if it is the reader's own already. */
  react(seq: number, reaction: string): void;
  forgetFailure(): void;
  /** The message that the field's text answers or replaces from now on, also after a reload. */
  target(target: ComposerTarget | undefined): void;
  /** The reader came to the end of the list or left it. */
  following(on: boolean): void;
  /** The room came into sight or went out of it. */
  attended(on: boolean): void;
}
