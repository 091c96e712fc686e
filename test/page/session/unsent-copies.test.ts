import { describe, expect, it } from 'vitest';
import { createMemory, type Memory } from '../../../src/page/session/memory.ts';
import { createUnsentCopies } from '../../../src/page/session/unsent-copies.ts';
import { createVisitStorage } from '../../../src/page/session/visit-storage.ts';

const PLACE = { socketPath: '/socket.io/', username: 'Mia', roomid: 'tea' };

/** A browser whose tabs share what outlives them. */
function browserAt(now: { ms: number }) {
  const stored = new Map<string, string>();
  const newMemory = (map: Map<string, string>): Memory =>
    createMemory(
      () =>
        ({
          getItem: (key: string) => map.get(key) ?? null,
          setItem: (key: string, value: string) => void map.set(key, value),
          removeItem: (key: string) => void map.delete(key),
          key: (index: number) => [...map.keys()][index] ?? null,
          get length() {
            return map.size;
          },
        }) as Storage,
    );
  let tabs = 0;
  return {
    stored,
    newTab() {
      const browser = newMemory(stored);
      const tab = newMemory(new Map());
      const copies = createUnsentCopies({ browser, tabId: String(++tabs), now: () => now.ms });
      const enter = (place = PLACE) => createVisitStorage({ browser, tab, copies }, place);
      return { copies, enter };
    },
  };
}

describe('unsent text of a tab that was closed', () => {
  it('is that of the next tab in the same room under the same name, once', () => {
    const browser = browserAt({ ms: 1_000 });
    const first = browser.newTab();
    first.enter().set('field', 'half a thought');
    first.copies.end();
    const other = browser.newTab();
    expect(other.enter({ ...PLACE, roomid: 'coffee' }).get('field')).toBe(undefined);
    expect(other.enter({ ...PLACE, username: 'Ann' }).get('field')).toBe(undefined);
    const next = browser.newTab();
    expect(next.enter().get('field')).toBe('half a thought');
    expect(browser.newTab().enter().get('field')).toBe(undefined);
    next.copies.end();
    expect(browser.newTab().enter().get('field')).toBe('half a thought');
  });

  it('stays where it is while the tab is there, and is taken over when it has been silent for long', () => {
    const now = { ms: 1_000 };
    const browser = browserAt(now);
    const first = browser.newTab();
    first.enter().set('field', 'text');
    now.ms += 149_000;
    expect(browser.newTab().enter().get('field')).toBe(undefined);
    first.copies.beat();
    now.ms += 149_000;
    expect(browser.newTab().enter().get('field')).toBe(undefined);
    now.ms += 2_000;
    expect(browser.newTab().enter().get('field')).toBe('text');
  });

  it('of several tabs goes to one tab after the other, the newest first', () => {
    const now = { ms: 1_000 };
    const browser = browserAt(now);
    const written = ['older', 'newer'].map((text) => {
      const tab = browser.newTab();
      tab.enter().set('field', text);
      return tab;
    });
    for (const tab of written) {
      tab.copies.end();
      now.ms += 1;
    }
    const [one, two] = [browser.newTab(), browser.newTab()];
    expect([one.enter().get('field'), two.enter().get('field')]).toEqual(['newer', 'older']);
  });

  it('leaves the text of other rooms for those who enter them', () => {
    const browser = browserAt({ ms: 1_000 });
    const first = browser.newTab();
    first.enter().set('field', 'in tea');
    first.enter({ ...PLACE, roomid: 'coffee' }).set('field', 'in coffee');
    first.copies.end();
    expect(browser.newTab().enter().get('field')).toBe('in tea');
    expect(
      browser
        .newTab()
        .enter({ ...PLACE, roomid: 'coffee' })
        .get('field'),
    ).toBe('in coffee');
  });

  it('leaves nothing in the browser once it is sent', () => {
    const browser = browserAt({ ms: 1_000 });
    const tab = browser.newTab();
    const storage = tab.enter();
    storage.set('field', 'text');
    storage.set('field', '');
    tab.copies.end();
    expect([...browser.stored.keys()]).toEqual([]);
  });

  it('does not fill the browser', () => {
    const now = { ms: 1_000 };
    const browser = browserAt(now);
    for (let n = 0; n < 30; n++) {
      const tab = browser.newTab();
      tab.enter({ ...PLACE, roomid: `room ${n}` }).set('field', 'text');
      tab.copies.end();
      now.ms += 1;
    }
    browser.newTab();
    expect([...browser.stored.keys()].filter((key) => key.startsWith('roomcast.unsent')).length).toBe(20);
  });
});
