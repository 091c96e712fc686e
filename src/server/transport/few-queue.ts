/** What is done of an array by who pushes to its end and shifts from its start, and has most often one element in it. */
export class FewQueue<T> {
  private first: T | undefined = undefined;
  private rest: T[] | undefined = undefined;
  length = 0;

  static from<T>(elements: readonly T[]): FewQueue<T> {
    const queue = new FewQueue<T>();
    for (const element of elements) queue.push(element);
    return queue;
  }

  push(element: T): number {
    if (this.length === 0) this.first = element;
    else if (this.rest) this.rest.push(element);
    else this.rest = [element];
    this.length += 1;
    return this.length;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const { first } = this;
    this.length -= 1;
    this.first = this.rest?.shift();
    if (this.length <= 1) this.rest = undefined;
    return first;
  }
}
