import type { Printer } from '../../src/cli/nginx.ts';

/** The output of a command. */
export interface Printed extends Printer {
  readonly text: () => { readonly out: string; readonly err: string };
}

export function createPrinted(): Printed {
  let out = '';
  let err = '';
  return {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    text: () => ({ out, err }),
  };
}
