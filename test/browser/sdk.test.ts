import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { systemFixture } from '../support/fixture.ts';
import { bundleExample, exampleOf } from '../support/manual.ts';
import { launchBrowser, visit } from './visitor.ts';

/** A web server of somebody else, with these files. */
async function openSite(files: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const type = url.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.setHeader('content-type', `${type}; charset=utf-8`).end(files[url] ?? '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Shows the messages of the hook. */
const VIEW = `
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient } from 'roomcast-client';
import { useRoom } from './use-room.ts';
const chat = createClient(location.hash.slice(1), { username: 'Cleo' });
function View() {
  const { messages } = useRoom(chat, 'tea');
  return createElement('ol', null, messages.map(({ seq, data, deleted }) =>
    createElement('li', { key: seq }, deleted ? 'deleted' : data.text)));
}
createRoot(document.body).render(createElement(View));
`;

async function hookExample(url: string): Promise<string> {
  const hook = exampleOf('use-room.ts', url);
  return bundleExample(VIEW, {
    alias: { react: 'preact/compat', 'react-dom/client': 'preact/compat/client' },
    plugins: [
      {
        name: 'manual',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /use-room\.ts$/ }, () => ({ path: 'use-room.ts', namespace: 'manual' }));
          onLoad({ filter: /./, namespace: 'manual' }, () => ({
            contents: hook,
            loader: 'ts',
            resolveDir: import.meta.dirname,
          }));
        },
      },
    ],
  });
}

describe('the examples of the manual, on a site of another origin', () => {
  const fixture = systemFixture('embedded');

  it('show what is said: the page that imports /sdk.js, and the hook with every change of a message', async () => {
    const url = fixture.at(0).replace(/\/$/, '');
    const site = await openSite({
      '/': exampleOf('page.html', url),
      '/hook': '<!doctype html><title>hook</title><script type="module" src="/hook.js"></script>',
      '/hook.js': await hookExample(url),
    });
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const bob = createClient(url, { userId: 'bob', username: 'Bob' });
    onTestFinished(() => bob.close());
    const room = await bob.join('tea');
    const { seq } = await room.say('hello');
    const [page, hook] = [await visit(browser, site), await visit(browser, `${site}/hook#${url}`)];
    await page.page.getByText('Bob: hello').waitFor();
    await page.page.locator('#text').fill('from a page');
    await page.page.locator('#text').press('Enter');
    await page.page.getByText('You: from a page').waitFor();
    const { seq: second } = await room.say('to be deleted');
    await room.edit(seq, { text: 'hello again' });
    await room.delete(second);
    const rows = () => hook.page.locator('li').allTextContents();
    await expect.poll(rows).toEqual(['hello again', 'from a page', 'deleted']);
    expect(await page.page.title()).toMatch(/^tea \(\d\)$/);
    expect([...page.problems, ...hook.problems]).toEqual([]);
  });
});
