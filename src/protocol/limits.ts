/** Said in `hello.protocol`; raised when a client written for the old number would misread the new one. */
export const PROTOCOL_VERSION = 1;

export const DEFAULT_ROOM = 'lobby';
export const MAX_ID_BYTES = 128;
export const MAX_USERNAME_CHARS = 32;
export const MAX_CLIENT_MSG_ID_CHARS = 64;

export const DEFAULT_HISTORY = 50;
export const MAX_HISTORY = 200;
/** A page of messages ends here even when its count is not reached: catching up never makes a client slow. */
export const MAX_PAGE_BYTES = 256 * 1024;
/** More than this is not resumed but answered with the latest page. */
export const MAX_RESUME_BYTES = 512 * 1024;

/**
 * The largest packet the transport takes. A 1 MiB id must still arrive, to be refused by name;
 * what is larger closes the connection (WebSocket 1009, polling 413) before anything is parsed.
 */
export const MAX_PACKET_BYTES = 1_200_000;

/** A return within this time shows neither leave nor join. */
export const PRESENCE_GRACE_MS = 5_000;
/** A room with more connections than this is told numbers instead of names. */
export const LARGE_ROOM_CLIENTS = 200;
/** A room hears so many `join` and `broadcast_quit` of one user at once, then one each PRESENCE_GRACE_MS. */
export const USER_PRESENCE_BURST = 4;
/** And so many of all its users, beyond the MAX_TOLD_CLIENTS that may come or go at once. */
export const ROOM_PRESENCE_EVENTS_PER_S = 20;

/** At most so often one connection's `typing` is handed on, for each room and each of on and off. */
export const TYPING_INTERVAL_MS = 1_000;
/** Who is said to type and does not say it again stops after so long. */
export const TYPING_EXPIRES_MS = 6_000;

export const DEFAULT_MEMBERS = 50;
export const MAX_MEMBERS = 200;

/** Of free-form JSON: `todo`, the data of a push. Its bytes: so many times MAX_TEXT_BYTES. */
export const MAX_JSON_DEPTH = 16;
export const JSON_BYTES_PER_TEXT_BYTE = 4;

/** What `push_message` shows at most. */
export const PUSH_MESSAGE_UNREAD = 50;
export const PUSH_MESSAGE_READ = 20;
export const DEFAULT_INBOX_PAGE = 50;
export const MAX_INBOX_PAGE = 200;
export const MAX_PUSH_USERS = 1_000;
/** Of one announcement to chosen rooms. */
export const MAX_ANNOUNCE_ROOMS = 1_000;

/**
 * How far the clock of who issues tokens and ours may be apart: so much before its beginning and after its end a
 * token is good, at the door and for a connection that is open.
 */
export const TOKEN_LEEWAY_MS = 5_000;
/** How long before its end a token's owner is told. */
export const TOKEN_EXPIRING_MS = 60_000;
