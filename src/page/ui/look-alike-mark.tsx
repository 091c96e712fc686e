import { useTexts } from '../language/texts.ts';

/** So much of an id tells two people of the same name apart. */
const ID_TAIL_CHARS = 4;

/** Beside a name that looks like that of somebody else in the room. */
export function LookAlikeMark({ userId }: { readonly userId: string }) {
  const { room: texts } = useTexts();
  return (
    <span class="name-mark warning" title={texts.confusable}>
      {texts.confusableMark} …{userId.slice(-ID_TAIL_CHARS)}
    </span>
  );
}
