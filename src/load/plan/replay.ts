import type { Profile } from '../profile/profile.ts';
import {
  meanOf,
  type ReplaySize,
  roomSizes,
  sizeOf,
  talkExponent,
  textSizes,
  wantedFanOut,
} from '../profile/replay.ts';
import type { ReplayConfig } from '../result.ts';
import { readCount } from './quantities.ts';

/** A text says where it is from, which takes the least. */
export const TEXT_LIMITS = { minBytes: 72, maxBytes: 8_192 };

const MAX_SCALE = 1_000;
const DIGITS = 4;

export interface Replay {
  /** The profile as options, in place of the defaults. */
  readonly defaults: Readonly<Record<string, string>>;
  configOf(size: ReplaySize): ReplayConfig;
}

/** The measures that take the place of an option. */
const MEASURES: Readonly<Record<string, string>> = {
  clients: 'number of clients',
  rooms: 'number of rooms',
  rate: 'messages per second',
  private: 'part of private messages',
  churn: 'clients that leave per second',
  size: 'mean length of a text',
};

/** Nobody gave the option: a quiet or a short profile has a measure that cannot be repeated. */
export function unfitMeasure(name: string, text: string, grammar: string): string {
  return (
    `--profile: its ${MEASURES[name] ?? name} (${text}) cannot be repeated: ` +
    `give --${name} beside it, ${grammar}, or take the profile for longer`
  );
}

/** The parts of a load that repeat a profile. Undefined if they cannot, which `problems` explains. */
export function readReplay(
  profile: Profile,
  values: Readonly<Record<string, string | boolean | undefined>>,
  problems: string[],
): Replay | undefined {
  const scale = values.scale === undefined ? 1 : Number(values.scale);
  if (!(scale > 0 && scale <= MAX_SCALE)) {
    problems.push(
      `--scale takes a factor up to ${MAX_SCALE}, such as 2 or 0.1, not ${JSON.stringify(values.scale)}`,
    );
    return undefined;
  }
  const { saysPerS, privatePerS, pollingShare, connectsPerS, disconnectsPerS } = profile;
  if (profile.rooms.length === 0 || saysPerS === 0) {
    problems.push('--profile has no room, or nothing was said while it was taken: take it while people talk');
    return undefined;
  }
  const all = sizeOf(profile);
  const scaled = (count: number) => Math.max(1, Math.round(count * scale));
  const clients = scaled(all.clients);
  const given = values.clients === undefined ? clients : (readCount(String(values.clients)) ?? clients);
  const texts = textSizes(profile.texts, TEXT_LIMITS);
  const decimal = (value: number) => value.toFixed(DIGITS);
  return {
    defaults: {
      clients: String(clients),
      rooms: String(Math.min(scaled(all.rooms), given)),
      rate: `${decimal((saysPerS + privatePerS) * scale)}/s`,
      private: decimal(privatePerS / (saysPerS + privatePerS)),
      // A client that leaves comes again, so as many come as go.
      churn: `${decimal(((connectsPerS + disconnectsPerS) / 2) * scale)}/s`,
      ...(texts.length > 0 && { size: String(Math.round(meanOf(texts))) }),
      transport: pollingShare === 0 ? 'websocket' : pollingShare === 1 ? 'polling' : 'mix',
    },
    configOf(size) {
      const sizes = roomSizes(profile.rooms, size);
      return {
        ...(values.skew === undefined && {
          roomSizes: sizes,
          talkExponent: talkExponent(sizes, wantedFanOut(profile, sizes)),
        }),
        ...(values.size === undefined && texts.length > 0 && { textSizes: texts }),
        ...(values.transport === undefined && { pollingShare }),
      };
    },
  };
}
