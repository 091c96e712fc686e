import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/*
 * A signed frame ends with `,"bus":"STAMP.PART.TAG"}`, where STAMP is `sender.counter.time`. In a JSON frame that is one more
 * member, which every reader of the frame ignores. Any other frame has it behind its last byte.
 *
 *   sender key = HMAC-SHA256(a secret of BUS_SECRET, sender)
 *   frame key  = the first 192 bits of SHA-256(sender key, channel, stamp)
 *   tag        = SHA-1(frame key, SHA-1(frame key, part, body))
 *
 * Scripts publish what no process knows before: a number, or whom other workers noted. So they sign it themselves, with the
 * only hash that Redis offers them, and one frame key is all that a call gives away to whoever reads the commands of Redis.
 * The cut digest keeps others from lengthening what it is the digest of, and so does the outer SHA-1. Whether somebody finds two
 * texts with one SHA-1 does not matter: the key is unknown to who would have to choose them.
 */

const MEMBER = ',"bus":"';
const MARK = Buffer.from(MEMBER);
const OPEN_BRACE = 0x7b;
const FRAME_KEY_CHARS = 32;
const SIGNATURE = /^(([\w-]{12})\.([0-9a-z]{1,9})\.([0-9a-z]{1,9}))\.(\d{1,9})\.[0-9a-f]{40}"\}$/;
const TAG_CHARS = 40;
const MAX_SIGNATURE_CHARS = 100;

export interface Stamp {
  /** One process; a random text of 12 characters. */
  readonly sender: string;
  /** Rises with every call of the sender that publishes. */
  readonly counter: number;
  /** The clock of the server that has the channel. */
  readonly atMs: number;
}

export interface Signature extends Stamp {
  readonly stamp: string;
  /** Rises with the frames of one call. */
  readonly part: number;
  /** The signed part. */
  readonly body: Buffer;
  readonly tag: Buffer;
}

export function stampText({ sender, counter, atMs }: Stamp): string {
  return `${sender}.${counter.toString(36)}.${Math.floor(atMs).toString(36)}`;
}

export function senderKey(secret: string, sender: string): string {
  return createHmac('sha256', secret).update(`roomcast bus ${sender}`).digest('base64url');
}

export function frameKey(ofSender: string, channel: string, stamp: string): string {
  return hash('sha256', `${ofSender}${channel}\0${stamp}`, 'base64url').slice(0, FRAME_KEY_CHARS);
}

/** Signs a frame that is the only one of its call. publish-frame.lua does the same in Redis. */
export function signFrame(frame: string | Buffer, key: string, stamp: string): string | Buffer {
  if (typeof frame === 'string' && frame.startsWith('{')) {
    const body = frame.slice(0, -1);
    return `${body}${MEMBER}${stamp}.0.${tagOf(key, 0, Buffer.from(body))}"}`;
  }
  const body = Buffer.from(frame);
  return Buffer.concat([body, Buffer.from(`${MEMBER}${stamp}.0.${tagOf(key, 0, body)}"}`)]);
}

/** Returns what a frame says about its origin, undefined if it is not signed. Nothing of it is checked yet. */
export function signatureOf(frame: Buffer): Signature | undefined {
  const end = frame.lastIndexOf(MARK);
  const start = end + MARK.length;
  if (end < 0 || frame.length - start > MAX_SIGNATURE_CHARS) return undefined;
  const found = SIGNATURE.exec(frame.toString('latin1', start));
  if (!found) return undefined;
  const [, stamp = '', sender = '', counter = '', at = '', part = ''] = found;
  const tagEnd = frame.length - 2;
  return {
    stamp,
    sender,
    counter: Number.parseInt(counter, 36),
    atMs: Number.parseInt(at, 36),
    part: Number(part),
    body: frame.subarray(0, end),
    tag: frame.subarray(tagEnd - TAG_CHARS, tagEnd),
  };
}

export function isSignedWith({ tag, part, body }: Signature, key: string): boolean {
  return timingSafeEqual(tag, Buffer.from(tagOf(key, part, body), 'latin1'));
}

/** The frame as it was before it was signed, or with a member more, which nobody reads. */
export function contentOf(frame: Buffer, { body }: Signature): Buffer {
  return frame[0] === OPEN_BRACE ? frame : body;
}

function tagOf(key: string, part: number, body: Buffer): string {
  const head = `${key}${part}.`;
  const text = Buffer.allocUnsafe(head.length + body.length);
  text.write(head, 'latin1');
  body.copy(text, head.length);
  return hash('sha1', key + hash('sha1', text));
}
