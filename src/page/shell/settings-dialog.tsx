import { useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { Dialog } from '../ui/dialog.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { useStore } from '../ui/use-store.ts';
import { usePage } from './page.ts';
import type { Settings } from './settings.ts';

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const { settings, signOut } = usePage();
  const { name, shell: texts } = useTexts();
  const { theme, notifications, sound } = useStore(settings.value);
  const [denied, setDenied] = useState(false);

  /** The browser is asked only here, by a click. */
  async function notify(kind: Settings['notifications']): Promise<void> {
    if (kind !== 'none' && 'Notification' in window) {
      const allowed = await Notification.requestPermission();
      setDenied(allowed !== 'granted');
    }
    settings.change({ notifications: kind });
  }

  return (
    <Dialog label={texts.settings} onClose={onClose}>
      <DialogHead title={texts.settings} onClose={onClose} />
      <Choice
        legend={texts.theme}
        options={texts.themes}
        chosen={theme}
        onChoose={(chosen) => settings.change({ theme: chosen })}
      />
      <Choice
        legend={texts.language}
        options={{ en: 'English', zh: '中文' }}
        chosen={name}
        onChoose={(language) => settings.change({ language })}
      />
      <Choice
        legend={texts.notifications}
        options={texts.notificationKinds}
        chosen={notifications}
        onChoose={(kind) => void notify(kind)}
      />
      {denied && (
        <p class="wrong" role="alert">
          {texts.notificationsDenied}
        </p>
      )}
      <Choice
        legend={texts.sound}
        options={{ on: texts.on, off: texts.off }}
        chosen={sound ? 'on' : 'off'}
        onChoose={(chosen) => settings.change({ sound: chosen === 'on' })}
      />
      <button type="button" class="secondary danger" onClick={signOut}>
        {texts.signOut}
      </button>
    </Dialog>
  );
}

export function DialogHead({ title, onClose }: { title: string; onClose: () => void }) {
  const { shell: texts } = useTexts();
  return (
    <header class="dialog-head">
      <h2>{title}</h2>
      <button
        type="button"
        class="icon-button"
        aria-label={texts.close}
        title={texts.close}
        onClick={onClose}
      >
        <CloseIcon />
      </button>
    </header>
  );
}

interface ChoiceProps<Key extends string> {
  readonly legend: string;
  readonly options: Readonly<Record<Key, string>>;
  readonly chosen: Key;
  readonly onChoose: (key: Key) => void;
}

function Choice<Key extends string>({ legend, options, chosen, onChoose }: ChoiceProps<Key>) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {(Object.keys(options) as Key[]).map((key) => (
        <label key={key}>
          <input
            type="radio"
            class="visually-hidden"
            name={legend}
            checked={key === chosen}
            onChange={() => onChoose(key)}
          />
          <span>{options[key]}</span>
        </label>
      ))}
    </fieldset>
  );
}
