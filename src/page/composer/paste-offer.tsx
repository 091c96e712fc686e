import { useTexts } from '../language/texts.ts';
import type { Paste } from './paste.ts';

export interface PasteOfferProps {
  readonly paste: Paste;
  readonly onBlock: () => void;
  readonly onKeep: () => void;
}

/** Offers to send a long pasted text as a block, of which the room shows the beginning. */
export function PasteOffer({ paste, onBlock, onKeep }: PasteOfferProps) {
  const { composer: texts, format } = useTexts();
  const { lines, chars } = paste;
  return (
    <div class="paste-offer" role="status">
      <p>
        {lines > 1 ? texts.pastedLines(format.number(lines)) : texts.pastedCharacters(format.number(chars))}
      </p>
      <button type="button" class="text-button" onClick={onBlock}>
        {texts.asBlock}
      </button>
      <button type="button" class="text-button" onClick={onKeep}>
        {texts.asText}
      </button>
    </div>
  );
}
