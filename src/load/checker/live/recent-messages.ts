const BITS = 32;
const NO_BYTES = Buffer.alloc(0);

/** `owed`: every member must get it; `optional`: it may come or not; `refused`: it must not come. */
type State = 'unanswered' | 'owed' | 'optional' | 'refused';

/** One message as its speakers' own process knows it. */
export interface Said {
  /** 0: none yet. */
  number: number;
  client: number;
  /** The messages that its sender said before and after it; 0: none. */
  previous: number;
  next: number;
  state: State;
  timeUs: number;
  /** Its place in the order in which messages first came to any member; 0: it has come to none. */
  rank: number;
  /** The index of the member to whom it came first. */
  rankedBy: number;
  /** The indexes of members who have another message before it if they get it at all, and how many others doubt that. */
  doubts: Map<number, number> | undefined;
  bytes: Buffer;
  length: number;
}

/** The newest messages of a room by their numbers, and who has them: a bit for each member. Memory is constant. */
export class RecentMessages {
  /** The newest number. */
  newest = 0;
  readonly kept: number;
  private readonly ring: readonly Said[];
  private received = new Uint32Array(0);
  private words = 0;
  private ranks = 0;

  /** `kept`: a power of two. */
  constructor(kept: number) {
    this.kept = kept;
    this.ring = Array.from({ length: kept }, createSaid);
  }

  /** The oldest number that may still be known. */
  get oldest(): number {
    return Math.max(1, this.newest - this.kept + 1);
  }

  /** Undefined: no message of that number, or one that is no longer known. */
  at(number: number): Said | undefined {
    const entry = this.ring[number & (this.kept - 1)] as Said;
    return number > 0 && entry.number === number ? entry : undefined;
  }

  /** The message that gives its place to the next one. */
  get leaving(): Said | undefined {
    return this.at(this.newest + 1 - this.kept);
  }

  /** Takes the next number. `members`: so many there are. */
  add(client: number, state: State, members: number): Said {
    this.newest += 1;
    const slot = this.newest & (this.kept - 1);
    const entry = this.ring[slot] as Said;
    Object.assign(entry, createSaid(), { number: this.newest, client, state, bytes: entry.bytes });
    const words = Math.ceil(members / BITS);
    if (words > this.words) this.grow(words);
    this.received.fill(0, slot * this.words, (slot + 1) * this.words);
    return entry;
  }

  has({ number }: Said, member: number): boolean {
    const word = (number & (this.kept - 1)) * this.words + (member >> 5);
    return (((this.received[word] ?? 0) >>> (member % BITS)) & 1) === 1;
  }

  receive({ number }: Said, member: number): void {
    const word = (number & (this.kept - 1)) * this.words + (member >> 5);
    this.received[word] = (this.received[word] ?? 0) | (1 << (member % BITS));
  }

  /** The next rank in the order of first arrivals. */
  nextRank(): number {
    this.ranks += 1;
    return this.ranks;
  }

  private grow(words: number): void {
    const wider = new Uint32Array(this.kept * words);
    for (let slot = 0; slot < this.kept; slot += 1)
      wider.set(this.received.subarray(slot * this.words, (slot + 1) * this.words), slot * words);
    this.received = wider;
    this.words = words;
  }
}

function createSaid(): Said {
  return {
    number: 0,
    client: 0,
    previous: 0,
    next: 0,
    state: 'optional',
    timeUs: 0,
    rank: 0,
    rankedBy: 0,
    doubts: undefined,
    bytes: NO_BYTES,
    length: 0,
  };
}
