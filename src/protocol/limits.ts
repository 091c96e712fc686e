/** Sent in `hello.protocol`; raised when a client written for the old version would misread the new one. */
export const PROTOCOL_VERSION = 1;

export const DEFAULT_ROOM = 'lobby';
export const MAX_ID_BYTES = 128;
export const MAX_USERNAME_CHARS = 32;
export const MAX_AVATAR_URL_CHARS = 512;
export const MAX_CLIENT_MSG_ID_CHARS = 64;

/** The most users that one message mentions. */
export const MAX_MENTIONS = 20;
/** The most users that one user can block. */
export const MAX_BLOCKS = 1_000;
/** The number of bans and mutes in a room beyond which its moderators add no further ones. */
export const MAX_RESTRICTIONS = 10_000;
export const MAX_REACTION_CHARS = 32;
/** The most different reactions to one message. */
export const MAX_REACTIONS = 32;
/** The most users that a page names with a reaction; it counts the others. */
export const MAX_REACTION_USERS = 10;
/**
 * The most reactions to one message, those of all users together: the message carries who reacted in the log, and each further
 * reaction writes all of it again.
 */
export const MAX_REACTIONS_TOGETHER = 1_000;

export const DEFAULT_HISTORY = 50;
export const MAX_HISTORY = 200;
/** A page of messages ends here even below its count, so that catching up never makes a client slow. */
export const MAX_PAGE_BYTES = 256 * 1024;
/** A longer resume is answered with the latest page instead. */
export const MAX_RESUME_BYTES = 512 * 1024;

/**
 * The largest packet the transport takes. A 1 MiB id must still arrive, to be refused by name;
 * what is larger closes the connection (WebSocket 1009, polling 413) before anything is parsed.
 */
export const MAX_PACKET_BYTES = 1_200_000;

/** A return within this time shows neither leave nor join. */
export const PRESENCE_GRACE_MS = 5_000;
/** A room with more connections than this gets counts instead of names. */
export const LARGE_ROOM_CLIENTS = 200;
/** The joins and quits of one user that a room gets at once; afterwards one each PRESENCE_GRACE_MS. */
export const USER_PRESENCE_BURST = 4;
/** The same for all users of a room together, beyond a burst of LARGE_ROOM_CLIENTS. */
export const ROOM_PRESENCE_EVENTS_PER_S = 20;

/** The shortest interval between two forwarded `typing` of a connection, for each room and each of on and off. */
export const TYPING_INTERVAL_MS = 1_000;
/** A `typing` that is not repeated ends after this time. */
export const TYPING_EXPIRES_MS = 6_000;

export const MAX_SIGNAL_NAME_CHARS = 64;
/** The data of a signal, as JSON. */
export const MAX_SIGNAL_BYTES = 4_096;

export const DEFAULT_MEMBERS = 50;
export const MAX_MEMBERS = 200;

/** The limits of free-form JSON, as `todo` and the data of a push; its bytes are a multiple of MAX_TEXT_BYTES. */
export const MAX_JSON_DEPTH = 16;
export const JSON_BYTES_PER_TEXT_BYTE = 4;

/** The most items that `push_message` carries. */
export const PUSH_MESSAGE_UNREAD = 50;
export const PUSH_MESSAGE_READ = 20;
export const DEFAULT_INBOX_PAGE = 50;
export const MAX_INBOX_PAGE = 200;
export const MAX_PUSH_USERS = 1_000;
/** The most requests of one batch. */
export const MAX_BATCH_REQUESTS = 100;
/** Once the answers of a batch are longer together, the requests behind them are not run. */
export const MAX_BATCH_ANSWER_BYTES = 4 * 1024 * 1024;
/** The most rooms of one announcement. */
export const MAX_ANNOUNCE_ROOMS = 1_000;

/**
 * The tolerated difference between the clock of the token issuer and ours: a token is valid that long before its start
 * and after its end, at the handshake and on an open connection.
 */
export const TOKEN_LEEWAY_MS = 5_000;
/** The time before its end at which a token is reported as expiring. */
export const TOKEN_EXPIRING_MS = 60_000;
