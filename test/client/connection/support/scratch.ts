/** A data directory of its own for one test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { locate, type Locations } from '../../../../client/connection/locations.ts';

export interface Scratch {
  /** Realpath, mode 0700, removed when the test ends. */
  readonly directory: string;
  /** For clients and daemons: nothing of the user's own. */
  readonly environment: NodeJS.ProcessEnv;
  readonly locations: Locations;
}

/** @param name a path below the fresh directory that becomes the data directory; it is not made. */
export function scratch(name = 'd'): Scratch {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'mc-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'h'));
  const environment = {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    HOME: join(directory, 'h'),
    M_DATA_DIR: join(directory, name),
    M_KEY_PROVIDER: 'keyfile',
  };
  const locations = locate(environment);
  // That of a long path is not below the scratch directory.
  onTestFinished(() => rmSync(locations.endpoint.socketDirectory, { recursive: true, force: true }));
  return { directory, environment, locations };
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
