/** `npm run check [-- --skip-tests]`: everything that has to hold before a commit, one line a step; the first failure ends it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const STEP_DEADLINE_MS = 15 * 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Scripts of package.json, the quick ones first. */
const STEPS = ['lockfile:check', 'types', 'lint', 'format:check', 'deps', 'unused', 'docs:check', 'test'];

const { values } = parseArgs({ options: { 'skip-tests': { type: 'boolean', default: false } } });
const steps = values['skip-tests'] ? STEPS.filter((step) => step !== 'test') : STEPS;
process.exitCode = runSteps(steps);

/** @returns the exit code: 0 when every step passed. */
function runSteps(names: readonly string[]): number {
  for (const [passed, name] of names.entries()) {
    const started = performance.now();
    const { status, signal, output, error } = spawnSync('npm', ['run', '--silent', name], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: STEP_DEADLINE_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (status !== 0) {
      process.stdout.write(`${output.join('').trim()}\n\n`);
      const reason = error?.message ?? (signal ? `ended by ${signal}` : `exit code ${status}`);
      process.stdout.write(`check: ${name} failed (${reason}); run \`npm run ${name}\`. ${passed} passed, 1 failed.\n`);
      return 1;
    }
    process.stdout.write(`ok  ${name.padEnd(16)}${seconds} s\n`);
  }
  process.stdout.write(`check: ${names.length} passed, 0 failed.\n`);
  return 0;
}
