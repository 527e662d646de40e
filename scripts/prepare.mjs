/** What npm runs after an install in a clone: builds, so that `npx m` works; does nothing where the tools are absent. */
import { createRequire } from 'node:module';

if (hasBundler()) {
  await import('./node-guard.mjs');
  const { ensureBuilt } = await import('./ensure-built.ts');
  await ensureBuilt();
} else {
  process.stderr.write('prepare: nothing is built, since the development dependencies are not installed.\n');
}

function hasBundler() {
  try {
    createRequire(import.meta.url).resolve('esbuild');
    return true;
  } catch {
    return false;
  }
}
