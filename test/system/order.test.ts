import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';

const WRITERS = 8;
const EACH = 200;
const RECEIVERS = 8;

describe.each(MODES)('one order for everyone, %s', (mode) => {
  const stage = systemFixture(mode, { RATE_SAY: '0' });

  it(`gives ${RECEIVERS} receivers on all workers all ${WRITERS * EACH} messages of ${WRITERS} writers in the identical order`, async () => {
    const { system } = stage;
    const people = (count: number, name: string) =>
      Promise.all(Array.from({ length: count }, (_, n) => stage.enter(stage.at(n), 'order', `${name}${n}`)));
    const receivers = await people(RECEIVERS, 'receiver');
    const writers = await people(WRITERS, 'writer');
    await eventually(async () => {
      const busy = (await system.clientsByWorker()).filter((clients) => clients > 0);
      expect(busy).toHaveLength(system.workers);
    });

    await Promise.all(
      writers.map(async (writer, w) => {
        for (let n = 0; n < EACH; n += 1) await writer.do('say', { text: `${w}:${n}` });
      }),
    );
    for (const { said } of receivers) {
      await eventually(() => expect(said).toHaveLength(WRITERS * EACH));
    }
    const orders = receivers.map(({ said }) => said.map(({ seq, id, data }) => `${seq} ${id} ${data.text}`));
    for (const order of orders) expect(order).toEqual(orders[0]);
    expect(receivers[0]?.said.map(({ seq }) => seq)).toEqual(
      Array.from({ length: WRITERS * EACH }, (_, n) => n + 1),
    );
    for (let w = 0; w < WRITERS; w += 1) {
      const own = receivers[0]?.said.map(({ data }) => data.text).filter((text) => text.startsWith(`${w}:`));
      expect(own).toEqual(Array.from({ length: EACH }, (_, n) => `${w}:${n}`));
    }
  });
});
