/** The first letter of a room's name, in place of a picture. */
export function RoomMark({ roomid }: { readonly roomid: string }) {
  return (
    <span class="room-mark" aria-hidden="true">
      {[...roomid][0]?.toLocaleUpperCase()}
    </span>
  );
}
