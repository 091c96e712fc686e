import { useState } from 'preact/hooks';
import { initialsOf, pictureOf, toneOf } from './face.ts';

export function Avatar({ username, avatar }: { username: string; avatar?: string }) {
  const picture = pictureOf(avatar);
  const [broken, setBroken] = useState<string>();
  return (
    <span class={`avatar tone-${toneOf(username, avatar)}`} aria-hidden="true">
      {picture !== undefined && picture !== broken ? (
        <img
          src={picture}
          alt=""
          loading="lazy"
          referrerpolicy="no-referrer"
          onError={() => setBroken(picture)}
        />
      ) : (
        initialsOf(username)
      )}
    </span>
  );
}
