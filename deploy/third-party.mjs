import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE_FOLDER = /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/;
const LICENSE_FILE = /^(licen[cs]e|copying|notice)\b/i;
const LICENSES = fileURLToPath(new URL('licenses', import.meta.url));
const RULE = '-'.repeat(80);

/** Names the packages that the files are from, each with the text of its licence, which must come along with its code. */
export function thirdPartyNotices(files) {
  const folders = new Set(files.flatMap(originsOf).flatMap((file) => file.match(PACKAGE_FOLDER)?.[0] ?? []));
  const notices = [...folders].map(noticeOf).sort();
  return ['This program contains code of these packages.', ...new Set(notices)].join(`\n\n${RULE}\n\n`);
}

/** The file, and those it was made of: a package may be a bundle of others, which only its source map names. */
function originsOf(file) {
  if (!PACKAGE_FOLDER.test(file) || !existsSync(`${file}.map`)) return [file];
  const { sources, sourceRoot = '' } = JSON.parse(readFileSync(`${file}.map`, 'utf8'));
  return [file, ...sources.map((source) => resolve(dirname(file), sourceRoot, source))];
}

function noticeOf(folder) {
  if (existsSync(join(folder, 'package.json'))) {
    const { name, version, license, author } = descriptionOf(folder);
    return [`${name} ${version}, ${license}`, ...licenseTexts(folder, { name, license, author })].join(
      '\n\n',
    );
  }
  // A part of a bundle is not installed there. The bundle's dependency of the same name has its licence.
  const [, bundle, name] = folder.replaceAll('\\', '/').match(/^(.*)\/node_modules\/(.*)$/) ?? [];
  const original = bundle && installedFor(bundle, name);
  if (!original) throw new Error(`the licence of ${folder} is not known: the package is not installed`);
  const [{ license, author }, whole] = [descriptionOf(original), descriptionOf(bundle)];
  const heading = `${name} (part of ${whole.name} ${whole.version}), ${license}`;
  return [heading, ...licenseTexts(original, { name, license, author })].join('\n\n');
}

function licenseTexts(folder, { name, license, author }) {
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length > 0) return texts;
  const standard = join(LICENSES, `${license}.txt`);
  if (!existsSync(standard))
    throw new Error(`${name} ships no text of its licence ${license}: add ${standard}`);
  const holder = author?.name ?? author ?? `the authors of ${name}`;
  return [`Copyright (c) ${holder}`, readFileSync(standard, 'utf8').trim()];
}

/** Looks where Node would, from the folder of the bundle up. */
function installedFor(bundle, name) {
  for (let folder = bundle; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
  }
  return undefined;
}

function descriptionOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
