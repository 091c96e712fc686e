import fc from 'fast-check';
import { type Surface, shared } from '../campaign.ts';
import { openConnection } from '../connection.ts';
import { mangled, text, value } from '../values.ts';
import { event } from './events.ts';

/** Many end the connection they come over. */
const PER_LINK = 3;
const NESTED = ['[', '{"a":', '[[],', '"', '{}'].map((one) => one.repeat(20_000));
const SHORT = [
  '',
  '0',
  '1',
  '2',
  '2probe',
  '3',
  '4',
  '5',
  '6',
  '7',
  'b',
  'bAAAA',
  '40',
  '41',
  '42',
  '43',
  '44',
  '45',
  '46',
  '47',
];
const namespaces = fc.constantFrom('', '/,', '/post,', '/admin?x=1,', '/__proto__,');
const json = value.map((data) => JSON.stringify(data) ?? '');

/** Engine.IO packets as text: whole ones, ones with something wrong, and nonsense. */
export const packet: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: mangled(
      fc
        .tuple(namespaces, fc.nat(99), event)
        .map(([nsp, id, sent]) => `42${nsp}${id}${JSON.stringify(sent)}`),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('40', '41', '42', '43', '44', '450-', '451-', '461-1'), namespaces, json)
      .map((parts) => parts.join('')),
  },
  { weight: 2, arbitrary: fc.constantFrom(...SHORT) },
  { weight: 2, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('42', '421', '40', '4', ''),
        fc.constantFrom('["say",', '["x",', ''),
        fc.constantFrom(...NESTED),
      )
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 30n }).map((id) => `42${id}["rooms:mine",{}]`) },
);

interface Sent {
  readonly packet: string;
  readonly binary: boolean;
}

/** What comes over a WebSocket, before and after the namespace is joined. */
export const packets: Surface<Sent> = {
  name: 'packets',
  input: fc.record({
    packet,
    binary: fc.oneof(
      { weight: 30, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  }),
  async send({ system }, inputs) {
    const connections = shared(inputs, PER_LINK).map(async (sent, index) => {
      const connection = openConnection(system.entrances[index % system.entrances.length] as string);
      if (index % 4 > 0) connection.send('40');
      for (const { packet: one, binary } of sent) connection.send(binary ? Buffer.from(one) : one);
      // Whoever is still there is let in, or was; anything else ends the connection.
      connection.send('40');
      connection.send('42999999["rooms:mine",{}]');
      await connection.until('43999999[');
      connection.close();
      return connection.wrong;
    });
    return (await Promise.all(connections)).flat();
  },
};
