import { useState } from 'preact/hooks';
import { MAX_USERNAME_CHARS } from '../../protocol/limits.ts';
import { parseId } from '../../protocol/names.ts';
import { useTexts } from '../language/texts.ts';
import { type Arrival, nameProblem, parseVisit, type Visit } from '../session/visit.ts';
import { Avatar } from '../ui/avatar.tsx';
import { avatarOfTone, FACE_TONES, toneOf } from '../ui/face.ts';
import { Logo } from '../ui/icons.tsx';

export function EntryForm({ arrival, onEnter }: { arrival: Arrival; onEnter: (visit: Visit) => void }) {
  const { shell: texts, problems } = useTexts();
  const { reservedName } = arrival;
  const [username, setUsername] = useState(arrival.username);
  const [roomid, setRoomid] = useState(arrival.roomid);
  const [avatar, setAvatar] = useState(arrival.avatar);
  const [asked, setAsked] = useState(reservedName !== undefined);
  const wrongName = nameProblem(username, reservedName);
  const roomWrong = asked && parseId(roomid.trim()) === undefined;

  function enter(event: Event): void {
    event.preventDefault();
    setAsked(true);
    if (wrongName) return;
    const visit = parseVisit({ username, roomid: roomid.trim(), avatar });
    if (visit) onEnter(visit);
  }

  return (
    <main class="entry">
      <form class="entry-card" onSubmit={enter} noValidate>
        <div class="brand">
          <Logo />
          <h1>Roomcast</h1>
        </div>
        <p class="tagline">{texts.tagline}</p>

        <Field
          id="username"
          label={texts.nickname}
          value={username}
          autocomplete="nickname"
          autocapitalize="words"
          wrong={
            asked &&
            wrongName !== undefined &&
            (wrongName === 'reserved' ? problems.reserved : texts.wrongNickname(MAX_USERNAME_CHARS))
          }
          onInput={setUsername}
        />
        <Field
          id="roomid"
          label={texts.room}
          value={roomid}
          autocomplete="off"
          autocapitalize="none"
          wrong={roomWrong && texts.wrongRoom}
          onInput={setRoomid}
        />

        <AvatarPicker username={username.trim() || '?'} avatar={avatar} onPick={setAvatar} />
        <button type="submit" class="primary">
          {texts.enter}
        </button>
      </form>
    </main>
  );
}

interface AvatarPickerProps {
  readonly username: string;
  readonly avatar?: string;
  readonly onPick: (avatar: string) => void;
}

function AvatarPicker({ username, avatar, onPick }: AvatarPickerProps) {
  const { shell: texts } = useTexts();
  const chosen = toneOf(username, avatar);
  return (
    <fieldset class="avatars">
      <legend>{texts.avatar}</legend>
      {Array.from({ length: FACE_TONES }, (_, tone) => (
        <label key={tone}>
          <input
            type="radio"
            name="avatar"
            class="visually-hidden"
            aria-label={texts.avatarNumber(tone + 1)}
            checked={tone === chosen}
            onChange={() => onPick(avatarOfTone(tone))}
          />
          <Avatar username={username} avatar={avatarOfTone(tone)} />
        </label>
      ))}
    </fieldset>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly autocomplete: string;
  readonly autocapitalize: 'none' | 'words';
  /** The problem with the value; false before the first attempt. */
  readonly wrong: string | false;
  readonly onInput: (value: string) => void;
}

function Field({ id, label, value, autocomplete, autocapitalize, wrong, onInput }: FieldProps) {
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id}
        name={id}
        value={value}
        autocomplete={autocomplete}
        autocapitalize={autocapitalize}
        spellcheck={false}
        aria-invalid={wrong !== false}
        aria-describedby={wrong === false ? undefined : `${id}-wrong`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {wrong !== false && (
        <p class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </p>
      )}
    </>
  );
}
