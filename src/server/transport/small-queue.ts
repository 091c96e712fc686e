const NOTHING: readonly never[] = Object.freeze([]);

/** Stands in for an array that is pushed to and shifted from and rarely holds more than one element: a tenth of its memory. */
export class SmallQueue<T> {
  private elements: readonly T[] = NOTHING;

  get length(): number {
    return this.elements.length;
  }

  push(element: T): number {
    this.elements = [...this.elements, element];
    return this.length;
  }

  shift(): T | undefined {
    const [first, ...rest] = this.elements;
    this.elements = rest.length === 0 ? NOTHING : rest;
    return first;
  }
}
