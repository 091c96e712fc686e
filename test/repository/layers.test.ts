import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findViolations, LAYERS, readSources } from './layers.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** What the check says about one file with one import. */
const check = (file: string, specifier: string) =>
  findViolations(new Map([[file, `import type { A } from '${specifier}';\n`]]));

describe('the layers of src', () => {
  it('import one way', () => {
    expect(findViolations(readSources(SRC))).toEqual([]);
  });

  it('name only files and folders that exist', () => {
    const named = new Set(Object.entries(LAYERS).flatMap(([name, allowed]) => [name, ...allowed]));
    expect([...named].filter((name) => !existsSync(join(SRC, name)))).toEqual([]);
  });
});

describe('the check of the layers', () => {
  it('names the file, the line, the import and the reason', () => {
    expect(check('chat/feeds.ts', '../server/session.ts')).toEqual([
      'src/chat/feeds.ts:1 imports ../server/session.ts: chat may import protocol, sizes.ts',
    ]);
  });

  it.each([
    ['server/transport/engine.ts', '../session.ts'],
    ['server/delivery/fanout.ts', '../users/connections.ts'],
    ['server/users/connections.ts', '../gateway.ts'],
    ['server/events/say.ts', '../chat-server.ts'],
    ['backend/redis/worker.ts', '../embedded/worker.ts'],
    ['backend/backend.ts', './redis/worker.ts'],
    ['server/gateway.ts', '../worker.ts'],
    ['protocol/codes.ts', '../config/settings.ts'],
    ['chat/feeds.ts', 'socket.io'],
    ['client/client.ts', 'node:fs'],
  ])('finds that %s imports %s', (file, specifier) => {
    expect(check(file, specifier)).toHaveLength(1);
  });

  it.each([
    ['server/transport/engine.ts', './origins.ts'],
    ['server/http/route.ts', '../events/saying.ts'],
    ['server/gateway.ts', './events/dispatch.ts'],
    ['backend/redis/worker.ts', '../backend.ts'],
    ['chat/feeds.ts', '../protocol/codes.ts'],
    ['server/health.ts', 'prom-client'],
  ])('lets %s import %s', (file, specifier) => {
    expect(check(file, specifier)).toEqual([]);
  });

  it('finds dynamic imports, imports for their effects and exports of others', () => {
    const text =
      "await import('../page/app.tsx');\nimport '../page/app.tsx';\nexport * from '../page/app.tsx';\n";
    expect(findViolations(new Map([['chat/feeds.ts', text]]))).toHaveLength(3);
  });

  it('finds a folder that the table does not name', () => {
    expect(check('utils/strings.ts', 'zod')).toEqual([
      'src/utils/strings.ts belongs to no entry of the layer table',
    ]);
  });
});
