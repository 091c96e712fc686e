/** The permit of an event that no test waits for. */
export const FREE_PERMIT = { begin: () => undefined, release: () => undefined };
