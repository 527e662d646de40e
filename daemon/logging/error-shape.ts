/** What may be told about an unexpected error: its class, its code and where it was thrown, but never its message. */

export interface ErrorShape {
  /** Name of the error's class; `Thrown` for a value that is not an error. */
  readonly errorClass: string;
  /** `ENOSPC`, `SQLITE_BUSY`, … when there is one. */
  readonly code?: string;
  /** Innermost first, `function (file:line:column)`, without directories. */
  readonly frames: readonly string[];
}

const MAX_FRAMES = 20;

/** The shape of anything that was thrown. Never throws itself. */
export function errorShape(thrown: unknown): ErrorShape {
  try {
    if (!(thrown instanceof Error)) return { errorClass: 'Thrown', frames: [] };
    const code = (thrown as { code?: unknown }).code;
    return {
      errorClass: className(thrown),
      ...(typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,60}$/.test(code) ? { code } : {}),
      frames: framesOf(thrown),
    };
  } catch {
    return { errorClass: 'Unreadable', frames: [] };
  }
}

function className(error: Error): string {
  const name: unknown = error.constructor?.name;
  return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,60}$/.test(name) ? name : 'Error';
}

/** `at function (location)` or `at location`; the location's directories are cut off, they name the user. */
const FRAME = /^\s+at (?:async )?(?:([\w$.<>[\]# ]{1,100}) \()?(?:[^()\s]*\/|node:)?([\w.-]{1,80}:\d{1,7}:\d{1,7})\)?$/;

function framesOf(error: Error): string[] {
  const stack = typeof error.stack === 'string' ? error.stack : '';
  const message = typeof error.message === 'string' ? error.message : '';
  const messageAt = message === '' ? -1 : stack.indexOf(message);
  // A message may hold lines that look like frames.
  const trace = messageAt === -1 ? stack : stack.slice(messageAt + message.length);
  const frames: string[] = [];
  for (const line of trace.split('\n')) {
    const match = FRAME.exec(line);
    if (match === null) continue;
    frames.push(`${match[1] ?? 'anonymous'} (${match[2] ?? ''})`);
    if (frames.length === MAX_FRAMES) break;
  }
  return frames;
}
