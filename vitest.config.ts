/** How the tests run: in processes of their own, two at a time, against the bundle that one build made for all of them. */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run test:fault` raises the loops of every fault test, and with them the time that one may take. */
const faultLoops = Number(process.env['M_FAULT_LOOPS'] ?? 10);

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build-once.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000 * Math.max(1, faultLoops / 10),
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    // It reads a source twice, for the key and for the code: an edit in between stays in the cache under the wrong key.
    fsModuleCache: false,
    // Compiled code of what the tests start: kept between runs, and out of the home directories that they make.
    // A terminal that can do nothing, as continuous integration may have, is what some tests are about, not what all run in.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'code'), TERM: 'xterm-256color' },
  },
});
