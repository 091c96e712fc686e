import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { PREREQUISITES, searchPath } from '../support/prerequisites.mjs';

const ARTIFACTS = fileURLToPath(new URL('../.artifacts/', import.meta.url));
/**
 * Chromium loads the popups of an address bar, which nobody sees, for every visitor, and a process in advance: 1.4 s of CPU per
 * visitor became 0.6 s without. The other features are those that Playwright turns off, whose switch this one replaces.
 */
const WITHOUT = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxFullPopup',
  'SpareRendererForSitePerProcess',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'LensOverlay',
  'MediaRouter',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${WITHOUT.join(',')}`,
];

/** A person at a browser of their own. */
export interface Visitor {
  readonly page: Page;
  /** Dialogs, uncaught errors and violations of the page's policy; no test may leave any. */
  readonly problems: readonly string[];
  /** The number of times that the page had the browser ask before it went. */
  asked(): number;
  /** Fills in the first screen and waits until the room is there. */
  enter(username: string, roomid?: string): Promise<void>;
  say(text: string): Promise<void>;
  /** Waits until the shown room is joined. */
  connected(): Promise<void>;
  /** Leaves the shown room by its menu. */
  leaveRoom(): Promise<void>;
  /** The texts of the list, top to bottom. */
  texts(): Promise<string[]>;
  /** The heap in use after a garbage collection. */
  heapBytes(): Promise<number>;
  /** Waits for so many painted frames. */
  frames(count: number): Promise<void>;
  /** A picture for people to look at; no test depends on it. */
  picture(name: string): Promise<void>;
  leave(): Promise<void>;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: FLAGS });
}

export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: 1100, height: 760 },
    locale: 'en-GB',
    ...options,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  let asked = 0;
  page.on('dialog', (dialog) => {
    if (dialog.type() === 'beforeunload') {
      asked += 1;
      void dialog.accept();
      return;
    }
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (line) => {
    // While a server is away the browser logs failed requests of Socket.IO, and after it came back one of a polling session that
    // ended with it, which is answered 400; every other error is a problem.
    const of = `${line.text()} ${line.location().url}`;
    const away = of.includes('/socket.io/') && /ERR_|\b50[23]\b|\b400\b.*[?&]sid=/.test(of);
    if (line.type() === 'error' && !away) problems.push(line.text());
  });
  const connected = () => page.locator('.room-header[data-connection="joined"]').waitFor();
  await page.goto(address);
  return {
    page,
    problems,
    asked: () => asked,
    async enter(username, roomid) {
      await page.getByLabel('Nickname').fill(username);
      if (roomid !== undefined) await page.getByLabel('Room', { exact: true }).fill(roomid);
      await page.getByRole('button', { name: 'Enter' }).click();
      await connected();
    },
    async say(text) {
      await page.getByLabel('Message', { exact: true }).fill(text);
      // While a message is edited, it is that which the button sends.
      await page.getByRole('button', { name: /^(Send|Save the change)$/ }).click();
    },
    connected,
    async leaveRoom() {
      await page.getByRole('button', { name: 'Room menu' }).click();
      await page.getByRole('menuitem', { name: 'Leave' }).click();
    },
    texts: () => page.locator('.bubble').allTextContents(),
    async heapBytes() {
      const inspector = await context.newCDPSession(page);
      await inspector.send('HeapProfiler.collectGarbage');
      const { usedSize } = await inspector.send('Runtime.getHeapUsage');
      await inspector.detach();
      return usedSize;
    },
    async frames(count) {
      for (let n = 0; n < count; n++) {
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      }
    },
    async picture(name) {
      await page.screenshot({ path: join(ARTIFACTS, `page-${name}.png`), animations: 'disabled' });
    },
    leave: () => context.close(),
  };
}

function findChromium(): string {
  const names = PREREQUISITES.find(({ name }) => name === 'Chromium')?.programs ?? [];
  for (const name of names) {
    for (const directory of searchPath().split(delimiter)) {
      const path = join(directory, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this directory.
      }
    }
  }
  throw new Error('Chromium is not installed');
}
