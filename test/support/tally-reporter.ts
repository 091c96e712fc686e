import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

/** The end of a log must hold every failure: of each no more lines than this, of all no more than that. */
const MOST_LINES_EACH = 15;
const MOST_LINES = 45;
const LONGEST_LINE = 300;

interface Failure {
  readonly title: string;
  readonly text: readonly string[];
}

/** Closes a run with each failed test and its error, the number of tests by suite, and the one line that CI reads. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    for (const text of failureLines([...modules.flatMap(failuresOf), ...errors.map(unhandled)])) print(text);
    const suites = new Map<string, { passed: number; failed: number; skipped: number }>();
    for (const module of modules) {
      const suite = module.project.name;
      const tally = suites.get(suite) ?? { passed: 0, failed: 0, skipped: 0 };
      suites.set(suite, tally);
      for (const test of module.children.allTests()) tally[outcome(test)] += 1;
      // A file that could not be read holds no failed test, and is one.
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0)
        tally.failed += 1;
    }
    const sum = { passed: 0, failed: errors.length, skipped: 0 };
    for (const [suite, tally] of suites) {
      print(`${suite}: ${line(tally)}`);
      sum.passed += tally.passed;
      sum.failed += tally.failed;
      sum.skipped += tally.skipped;
    }
    print(line(sum));
  }
}

/** The tests that failed in a file, the hooks of its suites, and the file itself if it could not be read. */
function failuresOf(module: TestModule): Failure[] {
  const file = `${module.project.name}  ${module.relativeModuleId}`;
  const failures: Failure[] = module.errors().map((error) => ({ title: file, text: errorLines(error) }));
  const add = (part: TestSuite | TestCase, errors: readonly unknown[]) => {
    for (const error of errors)
      failures.push({ title: `${file} > ${part.fullName}`, text: errorLines(error) });
  };
  for (const suite of module.children.allSuites()) add(suite, suite.errors());
  for (const test of module.children.allTests('failed')) add(test, test.result().errors ?? []);
  return failures;
}

function unhandled(error: unknown): Failure {
  return { title: 'unhandled error', text: errorLines(error) };
}

/** .ci/run repeats what stands between the first and the last of these lines. */
function failureLines(failures: readonly Failure[]): string[] {
  if (failures.length === 0) return [];
  const each = Math.min(MOST_LINES_EACH, Math.max(1, Math.floor(MOST_LINES / failures.length) - 1));
  const lines = failures.flatMap(({ title, text }) => [
    `FAILED  ${title}`,
    ...text.slice(0, each).map((part) => `    ${part}`),
  ]);
  const left = lines.length - MOST_LINES;
  return [
    '-- failed tests --',
    ...lines.slice(0, MOST_LINES),
    ...(left > 0 ? [`and ${left} lines more`] : []),
    '-- end of failed tests --',
  ];
}

/** An error as its message, where it was thrown, and the difference between what was expected and what came. */
function errorLines(error: unknown): string[] {
  const { name, message, stack, diff, cause } = error as Partial<Record<string, unknown>>;
  const frames = typeof stack === 'string' ? stack.split('\n').filter(isFrame) : [];
  const text = [
    `${name ?? 'Error'}: ${message ?? error}`,
    ...frames.slice(0, 2),
    ...(typeof diff === 'string' ? [diff] : []),
    ...(cause === undefined ? [] : [`caused by ${errorLines(cause).join('\n')}`]),
  ];
  return stripVTControlCharacters(text.join('\n'))
    .split('\n')
    .map((part) => part.trimEnd().slice(0, LONGEST_LINE))
    .filter((part) => part !== '');
}

/** A line of the stack that lies in this repository. */
function isFrame(text: string): boolean {
  return /^\s+at .*\//.test(text) && !/node_modules|node:/.test(text);
}

function outcome(test: TestCase): 'passed' | 'failed' | 'skipped' {
  const { state } = test.result();
  return state === 'passed' || state === 'failed' ? state : 'skipped';
}

function line(tally: { passed: number; failed: number; skipped: number }): string {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
