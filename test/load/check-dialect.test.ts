import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDialect } from '../../src/load/driver/check-dialect.ts';
import type { DialectName } from '../../src/load/driver/orders.ts';

const SAMPLE = fileURLToPath(new URL('chat-example.mjs', import.meta.url));

const AUTH = '{ auth: { username: client.name } }';

let folder: string;
let files = 0;
let sample: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-dialect-'));
  sample = await readFile(SAMPLE, 'utf8');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function problemOf(source: string): Promise<string | undefined> {
  files += 1;
  const file = join(folder, `${files}.mjs`);
  await writeFile(file, source);
  return checkDialect(pathToFileURL(file).href as DialectName);
}

describe('a dialect', () => {
  it.each(['roomcast', 's3', pathToFileURL(SAMPLE).href] as DialectName[])(
    'is fit for a run: %s',
    async (name) => {
      expect(await checkDialect(name)).toBeUndefined();
    },
  );

  it.each([
    ['export function say', 'function say', /^it exports no function say: a dialect has connect, join, say,/],
    ['roomOrder: true', 'roomOrder: 1', /^promises\.roomOrder is true or false, not 1$/],
    ['roomOrder: true', 'order: true', /^promises\.order is unknown: there are joined, acks,/],
    ['roomOrder: true', "joined: 'soon'", /^promises\.joined is 'ack' or 'event', not "soon"$/],
    ["['chat message', text]", '[text.length]', /^say returned \[100\], which is no event/],
    ["['chat message', text]", "['chat message']", /^say returned no event that holds the text/],
    ['return undefined', "throw new Error('no way')", /^join threw Error: no way/],
    ['{ roomOrder: true }', 'null', /^promises is an object, not null$/],
    ['{ roomOrder: true }', '{ acks: 1n }', /^promises\.acks is true or false, not 1$/],
    [AUTH, '{ namespace: 5 }', /^connect returned namespace 5, which is not a text$/],
    [AUTH, '{ query: { a: [] } }', /^connect returned query {"a":\[\]}, which is not an object of texts$/],
    [AUTH, '{ auth: () => ({}) }', /^connect returned auth .*, which is not an object$/],
    [AUTH, '{ auth: { at: 1n } }', /^connect returned what JSON cannot hold: /],
    [AUTH, "'/chat'", /^connect returned "\/chat", which is no object$/],
    ['export function connect', 'export async function connect', /^connect returned a promise/],
    ["['chat message', text]", "['chat message', text, 1n]", /^say returned what JSON cannot hold: /],
    ['export function', 'export export', /^it cannot be loaded: /],
  ])('is refused with the reason if %s is %s', async (from, to, problem) => {
    expect(sample).toContain(from);
    expect(await problemOf(sample.replace(from, to))).toMatch(problem);
  });

  it('is tried in its namespace', async () => {
    const source = sample.replace(AUTH, "{ namespace: 'chat' }");
    expect(await problemOf(source)).toBeUndefined();
    const throwing = source.replace('return undefined', "throw new Error('no way')");
    expect(await problemOf(throwing)).toMatch(/^join threw Error: no way/);
  });
});
