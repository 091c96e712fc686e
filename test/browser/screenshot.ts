/**
 * Makes the picture of the page in the top README, `npm run screenshot`: a conversation of three people on a Roomcast
 * of its own, as two of them see it, one at a desk and one on a phone.
 */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { startHost } from '../support/cluster.ts';
import { connect } from '../support/member.ts';
import { launchBrowser, visit } from './visitor.ts';

const PICTURE = fileURLToPath(new URL('../../deploy/page.png', import.meta.url));
const SCALE = 1;
const DESK = { viewport: { width: 1100, height: 600 }, deviceScaleFactor: SCALE };
const PHONE = {
  viewport: { width: 340, height: 600 },
  deviceScaleFactor: SCALE,
  isMobile: true,
  hasTouch: true,
};
const ROOM = 'tea';
const TALK = [
  ['Ben', 'One slice of cake left'],
  ['Ada', 'I take it. On my way!'],
  ['Chloé', 'Me, please'],
  ['Ben', 'Who asked first?'],
  ['Chloé', 'Ada. Same order for all'],
] as const;

const host = await startHost({ workers: 2 });
const browser = await launchBrowser();
try {
  const ada = await visit(browser, `${host.url}/`, DESK);
  const ben = await visit(browser, `${host.url}/`, PHONE);
  await ada.enter('Ada', ROOM);
  await ben.enter('Ben', ROOM);
  const chloe = await connect(host.url, { query: { username: 'Chloé' } });
  await chloe.do('join', { roomid: ROOM });
  for (const [name, text] of TALK) {
    if (name === 'Chloé') await chloe.do('say', { roomid: ROOM, text });
    else await (name === 'Ada' ? ada : ben).say(text);
    for (const { page } of [ada, ben]) await page.getByText(text).waitFor();
  }
  await chloe.do('typing', { roomid: ROOM, on: true });
  for (const { page } of [ada, ben]) await page.getByText('Chloé is typing').waitFor();
  await ada.frames(2);
  await ben.frames(2);
  await sideBySide(browser, [await ada.page.screenshot(), await ben.page.screenshot()]);
  chloe.close();
} finally {
  await browser.close();
  await host.stop();
  await host.remove();
}
process.stdout.write(`${PICTURE}: ${Math.ceil(statSync(PICTURE).size / 1024)} KB\n`);

/** The pictures as windows beside each other on nothing, so that they look right in light and dark mode. */
async function sideBySide(browser: Browser, pictures: readonly Buffer[]): Promise<void> {
  const { page } = await visit(browser, 'about:blank', { deviceScaleFactor: SCALE });
  const images = pictures.map(
    (picture) =>
      `<img src="data:image/png;base64,${picture.toString('base64')}" height="${DESK.viewport.height}">`,
  );
  await page.setContent(`<style>
    body { margin: 0; background: none }
    main { display: inline-flex; gap: 24px; padding: 4px }
    img { border: 2px solid #b9b9ae; border-radius: 14px }
  </style><main>${images.join('')}</main>`);
  await page.locator('main').screenshot({ path: PICTURE, omitBackground: true });
}
