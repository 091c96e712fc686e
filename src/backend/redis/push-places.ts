/*
 * The place of a push in an inbox, as Redis stores it: `seq at epoch`. Earlier releases stored no epoch, and read the first two.
 */

export function placeText(seq: number, at: number, epoch: string | undefined): string {
  return [seq, at, ...(epoch === undefined ? [] : [epoch])].join(' ');
}

export function placeIn(text: string): readonly [seq: number, at: number, epoch?: string] {
  const [seq, at, epoch] = text.split(' ');
  return epoch === undefined ? [Number(seq), Number(at)] : [Number(seq), Number(at), epoch];
}
