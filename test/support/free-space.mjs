/** Loaded with --import, it lets the file FREE_SPACE_FILE say how many bytes are free on every disk. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { statfsSync, readFileSync } = fs;
fs.statfsSync = (...given) => {
  const disk = statfsSync(...given);
  return { ...disk, bavail: Number(readFileSync(process.env.FREE_SPACE_FILE, 'utf8')) / disk.bsize };
};
syncBuiltinESMExports();
