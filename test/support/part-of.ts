/**
 * Stands in for a `T` of which the tested code uses the given members only. The compiler checks their types, and using
 * another member fails the test: so it cannot drift from `T` unseen, as a cast would.
 */
export function partOf<T extends object>(given: Partial<T>): T {
  return new Proxy(given, {
    get(target, name, receiver) {
      if (name in target || typeof name === 'symbol' || INSPECTED.has(name)) {
        return Reflect.get(target, name, receiver);
      }
      throw new Error(`the test gives no ${name}`);
    },
  }) as T;
}

/** Asked of any object by promises and by assertions. */
const INSPECTED: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'constructor',
  'asymmetricMatch',
  'nodeType',
]);
