import { styleText } from 'node:util';
import type { LoadProgress } from '../progress.ts';
import { frameOf, type Line, type Tone } from './frame.ts';

export interface DisplayDeps {
  readonly write: (text: string) => void;
  /** Columns of the terminal, read for each picture; undefined if the output is none. */
  readonly columns: () => number | undefined;
  readonly colours: boolean;
  /** A moment of the run in one line, where there is no terminal. */
  readonly line: (progress: LoadProgress) => string;
}

/** Shows a run while it goes on: a picture that is drawn over itself in a terminal, else a line every few seconds. */
export interface Display {
  show(progress: LoadProgress): void;
  /** Leaves the last picture where it is, and the cursor below it. */
  close(): void;
}

const LINE_EVERY_MS = 5_000;
/** Progress comes once a second, a little early or late. */
const TOLERANCE_MS = 500;
const ESC = '\u001b[';
const HIDE_CURSOR = `${ESC}?25l`;
const SHOW_CURSOR = `${ESC}?25h`;
const CLEAR_BELOW = `${ESC}J`;

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0] | undefined>> = {
  plain: undefined,
  quiet: 'dim',
  strong: 'bold',
  good: 'green',
  bad: ['red', 'bold'],
};

export function createDisplay({ write, columns, colours, line }: DisplayDeps): Display {
  let drawnLines = 0;
  let nextLineAtMs = LINE_EVERY_MS;

  function draw(progress: LoadProgress, width: number): void {
    const lines = frameOf(progress, width).map((one) => textOf(one));
    const back = drawnLines === 0 ? HIDE_CURSOR : `${ESC}${drawnLines}F`;
    drawnLines = lines.length;
    write(`${back}${CLEAR_BELOW}${lines.join('\n')}\n`);
  }

  function textOf(segments: Line): string {
    const styled = segments.map(({ text, tone }) => {
      const style = STYLES[tone];
      // The caller has looked at the stream and at NO_COLOR.
      return colours && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
    });
    return styled.join('');
  }

  return {
    show(progress) {
      const width = columns();
      if (width !== undefined) return draw(progress, width);
      if (progress.atMs < nextLineAtMs - TOLERANCE_MS) return;
      nextLineAtMs = progress.atMs + LINE_EVERY_MS;
      write(`${line(progress)}\n`);
    },
    close() {
      if (drawnLines > 0) write(SHOW_CURSOR);
      drawnLines = 0;
    },
  };
}
