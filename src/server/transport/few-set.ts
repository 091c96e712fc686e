/** More than these are not looked through one by one. */
const MAX_LISTED = 8;

/** A Set that most often has one to four members: a room with one connection, a connection's rooms. */
export class FewSet<T extends string> implements Set<T> {
  private members: T | readonly T[] | Set<T> = [];

  get size(): number {
    const { members } = this;
    if (typeof members === 'string') return 1;
    return members instanceof Set ? members.size : members.length;
  }

  has(member: T): boolean {
    const { members } = this;
    if (typeof members === 'string') return members === member;
    return members instanceof Set ? members.has(member) : members.includes(member);
  }

  add(member: T): this {
    const { members } = this;
    if (members instanceof Set) members.add(member);
    else if (!this.has(member)) this.put([...this, member]);
    return this;
  }

  delete(member: T): boolean {
    const { members } = this;
    if (members instanceof Set) return members.delete(member);
    if (!this.has(member)) return false;
    this.put([...this].filter((each) => each !== member));
    return true;
  }

  clear(): void {
    this.put([]);
  }

  forEach(each: (member: T, again: T, set: Set<T>) => void): void {
    for (const member of this) each(member, member, this);
  }

  entries(): SetIterator<[T, T]> {
    return new Set(this).entries();
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  values(): SetIterator<T> {
    const { members } = this;
    return typeof members === 'string' ? [members].values() : members.values();
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }

  get [Symbol.toStringTag](): string {
    return 'FewSet';
  }

  /** The list is made anew at its exact length: one that is pushed to keeps room for 16 more. */
  private put(members: readonly T[]): void {
    const [only] = members;
    if (members.length > MAX_LISTED) this.members = new Set(members);
    else this.members = members.length === 1 && only !== undefined ? only : members.slice();
  }
}
