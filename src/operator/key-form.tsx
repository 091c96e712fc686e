import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface KeyFormProps {
  /** Says what the key is for. */
  readonly children: ComponentChildren;
  readonly use: (key: string) => void;
}

/** Asks for the API key. The field is empty again whenever the form is. */
export function KeyForm({ children, use }: KeyFormProps) {
  const [typed, setTyped] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        use(typed.trim());
      }}
    >
      <p>{children}</p>
      <label>
        API key{' '}
        <input
          type="password"
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          autocomplete="off"
          required
        />
      </label>{' '}
      <button type="submit">Use it</button>
      <p class="quiet">The page keeps it in memory until it is closed.</p>
    </form>
  );
}
