import { useState } from 'preact/hooks';
import { MAX_USERNAME_CHARS } from '../protocol/limits.ts';
import { parseId, parseUnreservedUsername } from '../protocol/names.ts';
import { Avatar } from './avatar.tsx';
import { avatarOfTone, FACE_TONES, toneOf } from './face.ts';
import { Logo } from './icons.tsx';
import { type Arrival, parseVisit, type Visit } from './visit.ts';

export function EntryForm({ arrival, onEnter }: { arrival: Arrival; onEnter: (visit: Visit) => void }) {
  const [username, setUsername] = useState(arrival.username);
  const [roomid, setRoomid] = useState(arrival.roomid);
  const [avatar, setAvatar] = useState(arrival.avatar);
  const [asked, setAsked] = useState(false);
  const nameWrong = asked && parseUnreservedUsername(username) === undefined;
  const roomWrong = asked && parseId(roomid.trim()) === undefined;

  function enter(event: Event): void {
    event.preventDefault();
    setAsked(true);
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
        <p class="tagline">Pick a name, pick a room, start talking.</p>

        <Field
          id="username"
          label="Nickname"
          value={username}
          autocomplete="nickname"
          autocapitalize="words"
          wrong={nameWrong && `Please choose another name, of 1 to ${MAX_USERNAME_CHARS} plain characters.`}
          onInput={setUsername}
        />
        <Field
          id="roomid"
          label="Room"
          value={roomid}
          autocomplete="off"
          autocapitalize="none"
          wrong={roomWrong && 'A room’s name has letters, digits, inner spaces and _ - . : @ ~ only.'}
          onInput={setRoomid}
        />

        <AvatarPicker username={username.trim() || '?'} avatar={avatar} onPick={setAvatar} />
        <button type="submit" class="primary">
          Enter the room
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
  const chosen = toneOf(username, avatar);
  return (
    <fieldset class="avatars">
      <legend>Avatar</legend>
      {Array.from({ length: FACE_TONES }, (_, tone) => (
        <label key={tone}>
          <input
            type="radio"
            name="avatar"
            class="visually-hidden"
            aria-label={`Avatar ${tone + 1}`}
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
