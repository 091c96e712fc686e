import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * Parses the options of the script at this URL. With `--help`, or with an option that the script does not have, it prints
 * the comment at the script's head, which is its manual, and ends the process: with code 0 or 2.
 */
export function readScriptOptions<T extends ParseArgsConfig>(
  url: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  const args = config.args ?? process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(manualOf(url));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${manualOf(url)}`);
    process.exit(2);
  }
}

function manualOf(url: string): string {
  const [, comment = ''] = /^\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(new URL(url), 'utf8')) ?? [];
  return `${comment.replaceAll(/^ \* ?/gm, '')}\n`;
}
