import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE_FOLDER = /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/;
const LICENSE_FILE = /^(licen[cs]e|copying|notice)\b/i;
const RULE = '-'.repeat(80);

/** Names the packages that the files are from, each with the text of its licence, which must come along with its code. */
export function thirdPartyNotices(files) {
  const folders = new Set(files.flatMap((file) => file.match(PACKAGE_FOLDER)?.[0] ?? []));
  const notices = [...folders].map(noticeOf).sort();
  return ['This program contains code of these packages.', ...new Set(notices)].join(`\n\n${RULE}\n\n`);
}

function noticeOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  // Some authors name their licence only.
  if (texts.length === 0) texts.push(`Copyright (c) ${author?.name ?? author ?? `the authors of ${name}`}`);
  return [`${name} ${version}, ${license}`, ...texts].join('\n\n');
}
