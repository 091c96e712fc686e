import { ClientError } from '../../client/index.ts';
import { describeProblem } from '../language/problems.ts';
import { refusalOf } from '../language/refusals.ts';
import { useTexts } from '../language/texts.ts';
import { usePage } from './page.ts';

/** Returns what makes a request and shows in a toast that it is done, or why it is not. */
export function useRequest(): (request: () => Promise<unknown>) => Promise<void> {
  const { toasts } = usePage();
  const language = useTexts();
  return async (request) => {
    try {
      await request();
      toasts.show({ title: language.shell.done });
    } catch (error) {
      const now = Date.now();
      const problem =
        error instanceof ClientError ? refusalOf(error, now) : { code: 'internal' as const, message: '' };
      toasts.show({ title: describeProblem(language, problem, now) });
    }
  };
}
