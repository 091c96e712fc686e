import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Where the wall clock is read, and for which date: it can be set, so nothing that lasts is measured by it. */
const DATES: Readonly<Record<string, string>> = {
  'worker.ts': 'the times in hello, tokens and announcements',
  'primary.ts': 'since when /status says it runs',
  'backend/embedded/primary.ts': 'the time of messages',
  'backend/redis/worker.ts': 'since when a webhook waits, for a fair order',
  'client/client.ts': 'the start of a clock that does not go back',
  'page/session/unsent-tab.ts': 'when each tab was last there',
  'host-view/operator-view.ts': 'how long ago something happened to a process',
  'page/main.tsx': 'when a text was written',
  'page/shell/use-request.ts': 'until when a refusal lasts',
  'page/shell/room-state.tsx': 'until when somebody is banned',
  'page/composer/composer-note.tsx': 'until when somebody is muted',
  'page/shell/connection-banner.tsx': 'until when a connection rests',
};
/** Tools that read the files and the answers of a server, not parts of it. */
const TOOLS = /^(cli|load)\//;

it('the wall clock is read for dates only', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const reading = files.filter(
    (name) => !TOOLS.test(name) && /\bDate\.now\b/.test(readFileSync(join(SRC, name), 'utf8')),
  );
  expect(reading.filter((name) => !(name in DATES))).toEqual([]);
  expect(Object.keys(DATES).filter((name) => !reading.includes(name))).toEqual([]);
});

it('the clock of Redis is read in one place', () => {
  const scripts = join(SRC, 'backend/redis');
  const reading = readdirSync(scripts, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.lua') && readFileSync(join(scripts, name), 'utf8').includes("'TIME'"),
  );
  expect(reading).toEqual(['clock.lua']);
});
