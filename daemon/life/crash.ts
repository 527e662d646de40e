/** The last words of a process that dies of an error nobody caught: where it happened, and none of what it was about. */
import { appendFileSync, closeSync, fstatSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../../protocol/version.ts';
import { errorShape } from '../logging/error-shape.ts';

const MAX_BYTES = 1024 * 1024;

const CRASH_FILE_NAME = 'crash.log';

/** Appends the error's class, code and frames to `crash.log`, mode 0600. Never throws. */
export function recordCrash(logDirectory: string, build: Build, thrown: unknown, now: Date): void {
  const { errorClass, code, frames } = errorShape(thrown);
  const head = `${now.toISOString()} pid ${process.pid} m ${build.version} (${build.id}) ${errorClass}${code === undefined ? '' : ` ${code}`}`;
  try {
    appendFileSync(crashFile(logDirectory), `${[head, ...frames.map((frame) => `    at ${frame}`)].join('\n')}\n`, {
      mode: 0o600,
    });
  } catch {
    // Nothing is left to write to.
  }
}

/**
 * Sends what Node itself says at the end, out of memory for one, to `crash.log`: whoever started us has closed stderr.
 * Does nothing when stderr leads somewhere. Must come before anything else opens files.
 */
export function captureStderr(logDirectory: string): void {
  try {
    if (fstatSync(2).rdev !== statSync('/dev/null').rdev) return;
    const path = crashFile(logDirectory);
    closeSync(2);
    // The lowest free number is given out: 2.
    openSync(path, 'a', 0o600);
  } catch {
    // The process works without it.
  }
}

function crashFile(logDirectory: string): string {
  const path = join(logDirectory, CRASH_FILE_NAME);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_BYTES) renameSync(path, `${path}.1`);
  return path;
}
