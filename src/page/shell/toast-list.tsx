import { useTexts } from '../language/texts.ts';
import { CloseIcon } from '../ui/icons.tsx';
import { useStore } from '../ui/use-store.ts';
import { usePage } from './page.ts';

export function ToastList() {
  const { toasts, router } = usePage();
  const { shell: texts } = useTexts();
  const shown = useStore(toasts.shown);

  function close(key: number): void {
    toasts.close(key);
    document.querySelector<HTMLElement>('.composer textarea, .sidebar-link.current')?.focus();
  }

  return (
    <div class="toasts" role="status">
      {shown.map(({ key, title, text, view }) => (
        <div key={key} class="toast">
          <button
            type="button"
            class="toast-text"
            onClick={() => {
              close(key);
              if (view) router.go(view);
            }}
          >
            <strong>{title}</strong>
            {text !== undefined && <span dir="auto">{text}</span>}
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label={texts.close}
            title={texts.close}
            onClick={() => close(key)}
          >
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
