import type { Texts } from './en.ts';
import { composer } from './zh/composer.ts';
import { emoji } from './zh/emoji.ts';
import { problems } from './zh/problems.ts';
import { room } from './zh/room.ts';
import { shell } from './zh/shell.ts';
import { text } from './zh/text.ts';

export const zh: Texts = { shell, room, composer, problems, text, emoji };
