import { composer } from './en/composer.ts';
import { emoji } from './en/emoji.ts';
import { problems } from './en/problems.ts';
import { room } from './en/room.ts';
import { shell } from './en/shell.ts';
import { text } from './en/text.ts';

/** The catalogue that gives every other one its shape. */
export const en = { shell, room, composer, problems, text, emoji };

export type Texts = typeof en;
