import { useTexts } from '../language/texts.ts';
import { Dialog } from '../ui/dialog.tsx';
import { DialogHead } from './settings-dialog.tsx';

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const { shell: texts } = useTexts();
  return (
    <Dialog label={texts.help} onClose={onClose}>
      <DialogHead title={texts.help} onClose={onClose} />
      <dl class="shortcuts">
        {texts.shortcuts.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
