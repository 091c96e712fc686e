import { percent, short, whole } from '../numbers.ts';
import type { Measures } from './profile.ts';
import { sizeOf } from './replay.ts';

/** The measures in a few lines, for who takes a profile. */
export function profileSummary(measures: Measures): string {
  const { saysPerS, privatePerS, deliveriesPerS, connectsPerS, disconnectsPerS, texts, rooms } = measures;
  const places = sizeOf({ rooms });
  const lines = [
    ['clients', `${whole(measures.clients)}, of which ${percent(measures.pollingShare)} poll`],
    ['rooms', `${whole(places.rooms)}, the largest with ${whole(rooms[0]?.clients ?? 0)} clients`],
    ['said', `${short(saysPerS)}/s in rooms, ${short(privatePerS)}/s to one user`],
    ['delivered', `${short(deliveriesPerS)}/s`],
    ['came and went', `${short(connectsPerS)}/s and ${short(disconnectsPerS)}/s`],
    [
      'texts',
      `${short(texts.meanBytes)} bytes in the mean; ${quantile(texts, 0.5)}, ${quantile(texts, 0.99)}`,
    ],
  ];
  return lines.map(([name = '', value = '']) => `${name.padEnd(15)}${value}\n`).join('');
}

function quantile({ buckets }: Measures['texts'], part: number): string {
  let passed = 0;
  for (const { upTo, share } of buckets) {
    passed += share;
    if (passed < part) continue;
    const bound = upTo === null ? `more than ${whole(buckets.at(-2)?.upTo ?? 0)}` : `at most ${whole(upTo)}`;
    return `${percent(part)} have ${bound}`;
  }
  return 'none said';
}
