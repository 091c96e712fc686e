import { useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { claimsOf } from '../session/token-desk.ts';
import { Logo } from '../ui/icons.tsx';

export interface SignInProps {
  readonly onToken: (token: string) => void;
  /** Absent: there is nothing else to do than to sign in. */
  readonly onLater?: () => void;
}

/** Asks for a token: instead of the first screen, or before the current one ends. */
export function SignIn({ onToken, onLater }: SignInProps) {
  const { shell: texts } = useTexts();
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState(false);

  function submit(event: Event): void {
    event.preventDefault();
    const given = token.trim();
    setWrong(claimsOf(given) === undefined);
    if (claimsOf(given)) onToken(given);
  }

  return (
    <form class="entry-card" onSubmit={submit}>
      <div class="brand">
        <Logo />
        <h1>{onLater ? texts.signIn : texts.signedOut}</h1>
      </div>
      <p class="tagline">{onLater ? texts.renewHint : texts.signInHint}</p>
      <label for="token">{texts.token}</label>
      <textarea
        id="token"
        rows={5}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={token}
        aria-invalid={wrong}
        aria-describedby={wrong ? 'token-wrong' : undefined}
        onInput={({ currentTarget: { value } }) => setToken(value)}
      />
      {wrong && (
        <p class="wrong" id="token-wrong" role="alert">
          {texts.wrongToken}
        </p>
      )}
      <button type="submit" class="primary">
        {texts.signIn}
      </button>
      {onLater && (
        <button type="button" class="text-button" onClick={onLater}>
          {texts.later}
        </button>
      )}
    </form>
  );
}
