import { createEvenMix, EVEN_STEPS } from './even-mix.ts';
import type { TalkStyle } from './orders.ts';

/** Gives the length of each next text: one for all, or several by their shares. */
export function createTextSizes(
  { textBytes, textSizes = [] }: Pick<TalkStyle, 'textBytes' | 'textSizes'>,
  start: number,
): () => number {
  if (textSizes.length === 0) return () => textBytes;
  const mix = createEvenMix(
    textSizes.map(({ share }) => share),
    EVEN_STEPS[1],
    start,
  );
  return () => textSizes[mix()]?.bytes ?? textBytes;
}
