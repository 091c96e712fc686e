import { useState } from 'preact/hooks';

export interface ConfirmButtonProps {
  readonly label: string;
  /** The question that is asked first. */
  readonly question: string;
  readonly run: () => void;
}

/** A button that does its work at the second press, and forgets the first one when it loses the focus. */
export function ConfirmButton({ label, question, run }: ConfirmButtonProps) {
  const [asking, setAsking] = useState(false);
  return (
    <button
      type="button"
      class={asking ? 'danger' : undefined}
      onBlur={() => setAsking(false)}
      onClick={() => {
        setAsking(!asking);
        if (asking) run();
      }}
    >
      {asking ? question : label}
    </button>
  );
}
