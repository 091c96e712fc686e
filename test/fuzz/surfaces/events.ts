import fc from 'fast-check';
import { PAYLOADS } from '../../../src/protocol/payloads.ts';
import { type Surface, shared } from '../campaign.ts';
import { openConnection } from '../connection.ts';
import { inputsOf, schemaOf } from '../schema-inputs.ts';
import { payload, text, value } from '../values.ts';

const { close, ...lasting } = PAYLOADS;

/** Its schema takes anything, and looks into it later. */
const OF_TODO = payload(['receiver_id', 'clientMsgId', 'data']);

/** So that some end with a `close` and most do not. */
const PER_LINK = 10;
/** Longer than an ack's number of the inputs. */
const FENCE = '999999';

const known = Object.entries(lasting).map(([name, schema]) =>
  fc.tuple(fc.constant(name), name === 'todo' ? OF_TODO : inputsOf(schemaOf(schema))),
);
export const event: fc.Arbitrary<readonly unknown[]> = fc.oneof(
  { weight: 40, arbitrary: fc.oneof(...known) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(lasting)), value, value) },
  { weight: 3, arbitrary: fc.tuple(text, value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('close'), inputsOf(schemaOf(close))) },
  { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }) },
);

interface Sent {
  readonly event: readonly unknown[];
  /** Whether an answer is asked for. */
  readonly asks: boolean;
}

/** Events of a client that is let in, one after the other without waiting. */
export const events: Surface<Sent> = {
  name: 'events',
  input: fc.record({ event, asks: fc.boolean() }),
  async send({ system }, inputs) {
    const connections = shared(inputs, PER_LINK).map(async (sent, index) => {
      const url = system.entrances[index % system.entrances.length] as string;
      const connection = openConnection(url, 'EIO=4&transport=websocket&roomid=tea&username=Fuzz');
      connection.send('40');
      for (const [id, { event: one, asks }] of sent.entries()) {
        connection.send(`42${asks ? id : ''}${JSON.stringify(one)}`);
      }
      connection.send(`42${FENCE}["rooms:mine",{}]`);
      await connection.until(`43${FENCE}[`);
      connection.close();
      return connection.wrong;
    });
    return (await Promise.all(connections)).flat();
  },
};
