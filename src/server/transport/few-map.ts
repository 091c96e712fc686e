/** A Map that most often has one entry: a connection's namespaces, a connection's rooms. Empty, a Map takes 184 bytes. */
export class FewMap<K, V> implements Map<K, V> {
  private key: K | undefined = undefined;
  private value: V | undefined = undefined;
  private many: Map<K, V> | undefined = undefined;

  get size(): number {
    return this.many?.size ?? (this.value === undefined ? 0 : 1);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  get(key: K): V | undefined {
    if (this.many) return this.many.get(key);
    return key === this.key ? this.value : undefined;
  }

  set(key: K, value: V): this {
    if (this.value !== undefined && this.key !== key) this.many = this.all();
    if (this.many) {
      this.many.set(key, value);
      this.forgetOne();
    } else {
      this.key = key;
      this.value = value;
    }
    return this;
  }

  delete(key: K): boolean {
    if (this.many) return this.many.delete(key);
    if (!this.has(key)) return false;
    this.forgetOne();
    return true;
  }

  clear(): void {
    this.many = undefined;
    this.forgetOne();
  }

  forEach(each: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.all()) each(value, key, this);
  }

  entries(): MapIterator<[K, V]> {
    return this.all().entries();
  }

  keys(): MapIterator<K> {
    return this.all().keys();
  }

  values(): MapIterator<V> {
    return this.all().values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'FewMap';
  }

  private forgetOne(): void {
    this.key = undefined;
    this.value = undefined;
  }

  private all(): Map<K, V> {
    if (this.many) return this.many;
    const { key, value } = this;
    return new Map(value === undefined ? [] : [[key as K, value]]);
  }
}
