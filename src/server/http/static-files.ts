import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The encodings that are served, the smallest first, with what the build writes behind the name of a file. */
const ENCODINGS = [
  { coding: 'br', suffix: '.br' },
  { coding: 'gzip', suffix: '.gz' },
] as const;
type Coding = (typeof ENCODINGS)[number]['coding'];

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
};

interface Form {
  readonly bytes: Buffer;
  /** Strong, and another one for each encoding, because caches compare bytes. */
  readonly etag: string;
}

/** A file as it is, and in the encodings that there are. */
export interface StaticFile {
  readonly type: string;
  readonly plain: Form;
  readonly encoded: ReadonlyMap<Coding, Form>;
}

/**
 * Reads the files of a folder with their encoded forms, which do not count as files. They stay in memory: when an update
 * replaces the folder, a worker goes on with files that fit each other. The hash of the content tells versions apart and
 * hosts do not, unlike the time of the file, which is the same for every version that npm installs.
 */
export async function readStaticFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const found = await readdir(folder, { withFileTypes: true });
  const names = found.filter((entry) => entry.isFile()).map(({ name }) => name);
  const files = names.filter((name) => ENCODINGS.every(({ suffix }) => !name.endsWith(suffix)));
  return new Map(
    await Promise.all(
      files.map(async (name) => {
        const encoded = ENCODINGS.filter(({ suffix }) => names.includes(`${name}${suffix}`));
        const [plain, ...forms] = await Promise.all(
          ['', ...encoded.map(({ suffix }) => suffix)].map((suffix) =>
            readFile(join(folder, `${name}${suffix}`)),
          ),
        );
        const read = encoded.map(({ coding }, at) => [coding, forms[at] as Buffer] as const);
        return [name, staticFile(extname(name), plain as Buffer, new Map(read))] as const;
      }),
    ),
  );
}

/** Makes a file of a text that is known only now, and encodes it. */
export async function encodeStaticFile(extension: string, text: string): Promise<StaticFile> {
  const plain = Buffer.from(text);
  const encoded = await Promise.all([promisify(brotliCompress)(plain), promisify(gzip)(plain)]);
  return staticFile(
    extension,
    plain,
    new Map(ENCODINGS.map(({ coding }, at) => [coding, encoded[at] as Buffer])),
  );
}

function staticFile(extension: string, plain: Buffer, encoded: ReadonlyMap<Coding, Buffer>): StaticFile {
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return {
    type: TYPES[extension] ?? 'application/octet-stream',
    plain: { bytes: plain, etag: `"${hash}"` },
    encoded: new Map([...encoded].map(([coding, bytes]) => [coding, { bytes, etag: `"${hash}-${coding}"` }])),
  };
}

/**
 * Answers with the file in the smallest encoding that the client accepts, or with 304 if the client has it. `Range` is
 * ignored, as HTTP allows: the files are small, and a part of an encoded one is of no use.
 */
export function sendStaticFile(
  { headers }: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
  file: StaticFile,
): FastifyReply {
  const accepted = acceptedCodings(headers['accept-encoding'] ?? '');
  const encoding = ENCODINGS.find(({ coding }) => file.encoded.has(coding) && accepted(coding));
  const form = (encoding && file.encoded.get(encoding.coding)) ?? file.plain;
  void reply.header('ETag', form.etag).header('Vary', 'Accept-Encoding');
  if (hasTag(headers['if-none-match'] ?? '', form.etag)) return reply.code(304).send();
  if (encoding) void reply.header('Content-Encoding', encoding.coding);
  return reply.type(file.type).send(form.bytes);
}

/** A coding with `q=0` is refused; other weights do not matter, because the smallest form is the best for everybody. */
function acceptedCodings(header: string): (coding: Coding) => boolean {
  const weights = new Map(
    header.split(',').map((part) => {
      const [name = '', ...parameters] = part.toLowerCase().split(';');
      const weight = parameters
        .map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1])
        .find(Boolean);
      return [name.trim(), Number(weight ?? 1)] as const;
    }),
  );
  return (coding) => (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
}

/** Compares weakly, as HTTP demands here: a proxy that encodes marks the tag with `W/`. */
function hasTag(header: string, etag: string): boolean {
  return header.split(',').some((part) => {
    const tag = part.trim().replace(/^W\//, '');
    return tag === '*' || tag === etag;
  });
}
