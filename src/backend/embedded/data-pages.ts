/*
 * The layout of lmdb's data file, version 2, as far as one needs it to tell which bytes mean something. Numbers are
 * little-endian. Pages 0 and 1 are the metas; the newer one names the roots of two trees, of the free pages and of the tables.
 * A page begins with a header; a branch or leaf then has the offsets of its nodes, a gap, and the nodes. A value that does not
 * fit on a leaf has pages of its own (overflow), of which the first alone has a header.
 */

const HEADER = 24;
const HEADER_FLAGS = 18;
const HEADER_LOWER = 20;
const HEADER_UPPER = 22;
/** In the place of the two before. */
const HEADER_OVERFLOW_PAGES = 20;

const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const META = 0x08;
/** Flags that mean something in memory only. */
const IN_MEMORY = 0xe000;

const NODE = 8;
const BIG_DATA = 0x01;
const SUB_TREE = 0x02;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const META_TREES = HEADER + 24;
const TREE_BYTES = 48;
const META_LAST_PAGE = META_TREES + 2 * TREE_BYTES;
const META_TXN = META_LAST_PAGE + 8;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;
/** Zeros for the largest page that lmdb knows. */
const NOTHING = Buffer.alloc(65_536);

/** Thrown for a file that this version of the layout does not describe. */
export class UnknownLayoutError extends Error {}

/** Reads one page, or the first `length` bytes of it, into a buffer that the next call may use again. */
export type ReadPage = (page: number) => Buffer;

/** Bytes of the file, from `start` up to `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface UsedPages {
  readonly pageBytes: number;
  /** 1 for each page that a tree or a value has. Pages beyond its end have none. */
  readonly used: Uint8Array;
  /** The parts of used pages that have no content, those of leaves and branches only if they are not zero. */
  readonly gaps: readonly ByteRange[];
}

interface Tree {
  readonly root: number | undefined;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
}

export function pageBytesIn(firstPage: Buffer): number {
  requireLayout(isMeta(firstPage), 'the first page is no meta');
  return firstPage.readUInt32LE(META_TREES);
}

/** Returns a copy of the meta of the last commit. */
export function newestMeta(readPage: ReadPage): Buffer {
  const metas = [0, 1].map((page) => Buffer.from(readPage(page)));
  requireLayout(metas.every(isMeta), 'a meta is damaged');
  const [meta = Buffer.alloc(0)] = metas.sort((one, other) => (txnOf(one) < txnOf(other) ? 1 : -1));
  return meta;
}

/**
 * Walks through the trees of a meta. Each page must be what its parent says, and each tree as large as it says. With the pages
 * of an earlier commit, which must not have changed since, it returns only those that came later, and their gaps.
 */
export function usedPages(readPage: ReadPage, meta: Buffer, earlier?: Pick<UsedPages, 'used'>): UsedPages {
  const pageBytes = meta.readUInt32LE(META_TREES);
  const pages = number(meta, META_LAST_PAGE) + 1;
  const used = new Uint8Array(pages);
  const gaps: ByteRange[] = [];
  used.fill(1, 0, 2);
  const isEarlier = (page: number) => earlier?.used[page] === 1;

  function take(page: number, count: number): void {
    for (let taken = page; taken < page + count; taken += 1) {
      requireLayout(taken < pages && used[taken] === 0, 'a page is used twice, or beyond the end');
      used[taken] = 1;
    }
  }

  function walk(tree: Tree): void {
    const found = { branches: 0, leaves: 0, overflows: 0 };
    const left = tree.root === undefined ? [] : [tree.root];
    const inner: Tree[] = [];
    for (let page = left.pop(); page !== undefined; page = left.pop()) {
      if (isEarlier(page)) continue;
      take(page, 1);
      const bytes = pageOf(readPage, page);
      const kind = kindOf(bytes);
      requireLayout(kind === BRANCH || kind === LEAF, 'a node names a page of another kind');
      const [lower, upper] = [bytes.readUInt16LE(HEADER_LOWER), bytes.readUInt16LE(HEADER_UPPER)];
      requireLayout(lower <= upper && HEADER + upper <= pageBytes, 'a page ends before its nodes');
      const [start, end] = [HEADER + lower, HEADER + upper];
      if (!bytes.subarray(start, end).equals(NOTHING.subarray(0, end - start))) {
        gaps.push({ start: page * pageBytes + start, end: page * pageBytes + end });
      }
      if (kind === BRANCH) found.branches += 1;
      else found.leaves += 1;
      const values: { page: number; bytes: number }[] = [];
      for (const node of nodesOf(bytes, lower)) {
        if (kind === BRANCH) left.push(childOf(bytes, node));
        else readLeafNode(bytes, node, values, inner);
      }
      for (const value of values) {
        if (isEarlier(value.page)) continue;
        const count = pageOf(readPage, value.page).readUInt32LE(HEADER_OVERFLOW_PAGES);
        requireLayout(kindOf(readPage(value.page)) === OVERFLOW, 'a value is on a page of another kind');
        const start = value.page * pageBytes;
        requireLayout(HEADER + value.bytes <= count * pageBytes, 'a value is longer than its pages');
        take(value.page, count);
        gaps.push({ start: start + HEADER + value.bytes, end: start + count * pageBytes });
        found.overflows += count;
      }
    }
    for (const kind of earlier ? [] : (['branches', 'leaves', 'overflows'] as const)) {
      requireLayout(found[kind] === tree[kind], `a tree has ${found[kind]} ${kind}, not ${tree[kind]}`);
    }
    for (const one of inner) walk(one);
  }

  for (const index of [0, 1]) walk(treeAt(meta, META_TREES + index * TREE_BYTES));
  return { pageBytes, used, gaps };
}

function pageOf(readPage: ReadPage, page: number): Buffer {
  const bytes = readPage(page);
  requireLayout(number(bytes, 0) === page, 'a page has another number');
  return bytes;
}

function kindOf(page: Buffer): number {
  return page.readUInt16LE(HEADER_FLAGS) & ~IN_MEMORY;
}

function* nodesOf(page: Buffer, lower: number): Generator<number> {
  for (let offset = 0; offset < lower; offset += 2) {
    const node = HEADER + page.readUInt16LE(HEADER + offset);
    requireLayout(node + NODE <= page.length, 'a node is outside of its page');
    yield node;
  }
}

function childOf(page: Buffer, node: number): number {
  return page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
}

function readLeafNode(
  page: Buffer,
  node: number,
  values: { page: number; bytes: number }[],
  inner: Tree[],
): void {
  const [bytes, flags, keyBytes] = [
    page.readUInt32LE(node),
    page.readUInt16LE(node + 4),
    page.readUInt16LE(node + 6),
  ];
  requireLayout((flags & ~(BIG_DATA | SUB_TREE)) === 0, 'a node has flags of another layout');
  const data = node + NODE + keyBytes;
  if (flags & BIG_DATA) values.push({ page: number(page, data), bytes });
  if (flags & SUB_TREE) inner.push(treeAt(page, data));
}

function treeAt(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    root: root === NO_ROOT ? undefined : number(bytes, at + 40),
    branches: number(bytes, at + 8),
    leaves: number(bytes, at + 16),
    overflows: number(bytes, at + 24),
  };
}

function isMeta(page: Buffer): boolean {
  return (
    page.length >= META_TXN + 8 &&
    kindOf(page) === META &&
    page.readUInt32LE(HEADER) === MAGIC &&
    page.readUInt32LE(HEADER + 4) === VERSION
  );
}

/** The number of the transaction that wrote a meta. */
export function txnOf(meta: Buffer): bigint {
  return meta.readBigUInt64LE(META_TXN);
}

function number(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function requireLayout(holds: boolean, what: string): asserts holds {
  if (!holds) throw new UnknownLayoutError(what);
}
