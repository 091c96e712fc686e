import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Closes a run with the number of tests by suite and the one line that CI reads. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
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
