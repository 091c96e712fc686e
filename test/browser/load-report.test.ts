import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderReport } from '../../src/load/report/report.ts';
import { SAMPLE_RESULT } from '../load/sample-result.ts';
import { launchBrowser } from './visitor.ts';

let browser: Browser;
let folder: string;
let address: string;

beforeAll(async () => {
  browser = await launchBrowser();
  folder = await mkdtemp(join(tmpdir(), 'roomcast-report-'));
  const file = join(folder, 'report.html');
  await writeFile(file, renderReport(SAMPLE_RESULT));
  address = pathToFileURL(file).href;
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: BrowserContextOptions, look: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const requests: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (line) => errors.push(line.text()));
    await page.goto(address);
    await look(page);
    expect({ requests, errors }).toEqual({ requests: [address], errors: [] });
  } finally {
    await context.close();
  }
}

const colour = (page: Page, property: string) =>
  page.evaluate((name) => getComputedStyle(document.body).getPropertyValue(name), property);

/** 0 black, 255 white. */
const brightness = (rgb: string) => Math.max(...[...rgb.matchAll(/\d+/g)].map(Number));

test('the report is light or dark as the reader’s system, and asks for nothing else', async () => {
  await open({ colorScheme: 'light' }, async (page) => {
    expect(brightness(await colour(page, 'background-color'))).toBeGreaterThan(200);
  });
  await open({ colorScheme: 'dark' }, async (page) => {
    expect(brightness(await colour(page, 'background-color'))).toBeLessThan(60);
    expect(brightness(await colour(page, 'color'))).toBeGreaterThan(200);
  });
});

test('the report draws each line of its figures within the figure', async () => {
  await open({}, async (page) => {
    const lines = await page.locator('figure > svg > path.line').count();
    expect(lines).toBeGreaterThan(8);
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll<SVGGraphicsElement>('figure > svg > *')]
        .filter((part) => {
          const { x, y, width, height } = part.getBBox();
          return x < 0 || y < 0 || x + width > 761 || y + height > 271;
        })
        .map((part) => part.outerHTML),
    );
    expect(outside).toEqual([]);
  });
});

test('the report fits a phone', async () => {
  await open({ viewport: { width: 375, height: 667 }, isMobile: true }, async (page) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
  });
});

test('the report is black on white on paper, also for a reader in the dark', async () => {
  await open({ colorScheme: 'dark' }, async (page) => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await colour(page, 'color')).toBe('rgb(0, 0, 0)');
    expect(await colour(page, 'background-color')).toBe('rgb(255, 255, 255)');
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.length).toBeGreaterThan(10_000);
  });
});
