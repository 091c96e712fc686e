import { useContext, useState } from 'preact/hooks';
import { initialsOf, toneOf } from './face.ts';
import { PicturesContext } from './pictures.ts';

export interface AvatarProps {
  /** Gives the colour, which a namesake does not share; before there is one, the name does. */
  readonly userId?: string;
  readonly username: string;
  readonly avatar?: string;
}

export function Avatar({ userId, username, avatar }: AvatarProps) {
  const picture = useContext(PicturesContext)(avatar);
  const [broken, setBroken] = useState<string>();
  return (
    <span class={`avatar tone-${toneOf(userId ?? username, avatar)}`} aria-hidden="true">
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
