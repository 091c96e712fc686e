/** The most calls of one sender that may be under way at once; frames of an earlier call count as repeated. */
const CALLS = 16_384;
const MOST_PARTS = 0xffff;

/**
 * Tells whether a frame of one sender has been here before. Calls for different servers, and those that a pacing delays, may
 * arrive in another order than they were numbered, but the frames of one call arrive in theirs.
 */
export class ReplayWindow {
  private highest = -1;
  /** Indexed by the counter, modulo the length: 1 more than the last part that arrived, 0 if none did. */
  private readonly parts = new Uint16Array(CALLS);

  /** Returns false if the frame, or a later one of its call, has been here before. */
  accept(counter: number, part: number): boolean {
    if (part >= MOST_PARTS || counter <= this.highest - CALLS) return false;
    this.advanceTo(counter);
    const slot = counter % CALLS;
    if (part < (this.parts[slot] ?? 0)) return false;
    this.parts[slot] = part + 1;
    return true;
  }

  private advanceTo(counter: number): void {
    if (counter <= this.highest) return;
    if (counter - this.highest >= CALLS) this.parts.fill(0);
    else for (let one = this.highest + 1; one <= counter; one += 1) this.parts[one % CALLS] = 0;
    this.highest = counter;
  }
}
