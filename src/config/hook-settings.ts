import { httpUrl, integer, list, oneOf, type Parser, signingSecret } from './grammar.ts';
import { setting } from './setting.ts';

export const HOOK_EVENTS = [
  'message',
  'room.occupied',
  'room.vacated',
  'user.online',
  'user.offline',
  'push.undelivered',
] as const;
export type HookEventType = (typeof HOOK_EVENTS)[number];

/** The webhooks, and the hook that is asked before a message is stored. */
export const HOOK_SETTINGS = {
  hookUrl: setting<string | undefined>(
    'HOOK_URL',
    undefined,
    httpUrl,
    'address that gets the events by POST, signed with HOOK_SECRET. Unset: no webhooks',
    '–',
  ),
  hookSecret: setting<string | undefined>(
    'HOOK_SECRET',
    undefined,
    signingSecret,
    'secret of the header Roomcast-Signature, at least 32 bytes',
    '–',
  ),
  hookEvents: setting<readonly HookEventType[]>(
    'HOOK_EVENTS',
    ['message'],
    list(oneOf(HOOK_EVENTS)) as Parser<readonly HookEventType[]>,
    `comma list of the events to send: ${HOOK_EVENTS.join(', ')}`,
    'message',
  ),
  hookUndeliveredS: setting(
    'HOOK_UNDELIVERED_S',
    60,
    integer(1, 86_400),
    'seconds that a push may wait for a device of its user to acknowledge it, before push.undelivered is sent',
  ),
  hookTimeoutMs: setting(
    'HOOK_TIMEOUT_MS',
    5_000,
    integer(100, 60_000),
    'longest wait for the answer to one request of HOOK_URL. Another worker goes on sending 3 s later than that if the sender dies',
  ),
  hookBeforeSayUrl: setting<string | undefined>(
    'HOOK_BEFORE_SAY_URL',
    undefined,
    httpUrl,
    'address that is asked before a person’s message, edit or textmsg takes effect: it allows, refuses or rewrites. Unset: nobody is asked',
    '–',
  ),
  hookBeforeSayTimeoutMs: setting(
    'HOOK_BEFORE_SAY_TIMEOUT_MS',
    1_000,
    integer(50, 5_000),
    'longest wait for its answer',
  ),
  hookBeforeSayOnTimeout: setting<'allow' | 'refuse'>(
    'HOOK_BEFORE_SAY_ON_TIMEOUT',
    'refuse',
    oneOf(['allow', 'refuse']),
    'what happens to a message without its answer: allow stores it, refuse answers unavailable',
  ),
} as const;
