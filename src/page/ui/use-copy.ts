import { useEffect, useState } from 'preact/hooks';

const SHOWN_MS = 2_000;

/**
 * Copies a text, and tells for two seconds that it did. Undefined without access to the clipboard (plain http), where people
 * select the text themselves.
 */
export function useCopy(text: string): { readonly copied: boolean; readonly copy: () => void } | undefined {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!navigator.clipboard) return undefined;

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Not permitted: nothing is told.
    }
  }

  return { copied, copy: () => void copy() };
}
