import { BackendError, type BackendOptions, usesRedis } from '../backend/backend.ts';
import { type BackupSummary, backUp } from '../backend/embedded/backup.ts';
import { restore } from '../backend/embedded/restore.ts';
import type { Printer } from './nginx.ts';
import { EXIT, type GivenOptions, readOptions } from './options.ts';

export type BackupSettings = Pick<BackendOptions, 'dataDir'> & Parameters<typeof usesRedis>[0];

const MIB = 1024 * 1024;

/** Copies the embedded store into a new folder; the server may run meanwhile. */
export async function runBackup(
  args: readonly string[],
  settings: BackupSettings,
  print: Printer,
): Promise<number> {
  const given = readOptions(BACKUP, args, print, oneFolder);
  if (typeof given === 'number') return given;
  const [folder] = given.words as [string];
  return attempt('backup', settings, print, async () => {
    const taken = await backUp(settings.dataDir, folder, Date.now);
    return `${folder} holds the store of ${shownTime(taken)}: ${shownSize(taken)}\n`;
  });
}

/** Puts a backup into DATA_DIR. */
export async function runRestore(
  args: readonly string[],
  settings: BackupSettings,
  print: Printer,
): Promise<number> {
  const given = readOptions(RESTORE, args, print, oneFolder);
  if (typeof given === 'number') return given;
  const [folder] = given.words as [string];
  return attempt('restore', settings, print, async () => {
    const force = given.values.force === true;
    const restored = await restore(folder, settings.dataDir, { force, now: Date.now });
    const { replaced } = restored;
    const old =
      replaced === undefined ? '' : `The store that was there is ${replaced}; delete it when you like.\n`;
    return `${settings.dataDir} holds the store of ${shownTime(restored)}: ${shownSize(restored)}\n${old}`;
  });
}

async function attempt(
  name: string,
  settings: BackupSettings,
  print: Printer,
  run: () => Promise<string>,
): Promise<number> {
  if (usesRedis(settings)) {
    print.err(
      `roomcast ${name}: the settings name a Redis, so the data is in Redis: back that up by its own means (BGSAVE, a replica)\n`,
    );
    return EXIT.failed;
  }
  try {
    print.out(await run());
    return EXIT.ok;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof BackendError) && code === undefined) throw error;
    print.err(`roomcast ${name}: ${message}\n`);
    return EXIT.failed;
  }
}

function oneFolder({ words }: GivenOptions): string[] {
  if (words.length === 1) return [];
  return [words.length === 0 ? 'DIR is needed: the folder of the backup' : 'takes one DIR'];
}

const shownTime = ({ takenAt }: BackupSummary) => new Date(takenAt).toISOString();
const shownSize = ({ logs, bytes }: BackupSummary) =>
  `${logs} logs of rooms and people, ${(bytes / MIB).toFixed(1)} MiB`;

const BACKUP = {
  name: 'backup',
  options: {},
  help: `Usage: roomcast backup DIR

Copies the store in DATA_DIR (embedded mode) and the key of the HTTP API into the new folder DIR. The server
may run: the copy is the store of one moment, compacted, and on disk when the command ends. A copy of the
file data.mdb by other means is unusable.

Example, as the user that runs the server:
  roomcast backup "./backup-$(date +%F-%H%M%S)"

Exit code: 0 done, 1 not done, and why, 2 wrong arguments.
`,
} as const;

const RESTORE = {
  name: 'restore',
  options: { force: 'boolean' },
  help: `Usage: roomcast restore DIR [--force]

Puts the backup in DIR into DATA_DIR. The server must be stopped; it is refused while one runs there.
Clients that saw messages which the backup does not have are told so when they come back (room:gap).

  --force   also if DATA_DIR is not empty; the store that is there is kept beside it under another name

Example:
  DATA_DIR=./data-restored roomcast restore ./backup-2026-11-29-120000

Exit code: 0 done, 1 not done, and why, 2 wrong arguments.
`,
} as const;
