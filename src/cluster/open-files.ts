/** Returns the number of files that a process may open, from its `/proc/PID/limits`. Undefined if there is no limit. */
export function openFilesIn(limits: string): number | undefined {
  const [, soft] = /^Max open files +(\S+)/m.exec(limits) ?? [];
  return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
}
