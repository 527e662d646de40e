/** The daemon's log: pino behind an allow-list, loaded when there is time for it, with no line lost before that. */
import type { Logger } from 'pino';
import { LogFile, type LogFileOptions } from './logging/log-file.ts';
import { safeEvent, safeFields, type LogFields } from './logging/log-fields.ts';

export type { LogFields } from './logging/log-fields.ts';

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
type Level = keyof typeof LEVELS;

/**
 * Where things are logged. No method throws.
 * `event` is a fixed phrase in lower-case words; facts go into the fields, of which only those on the list are kept.
 */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  fatal(event: string, fields?: LogFields): void;
}

/** The log with the two moments of its life that only the process knows. */
export interface ProcessLog extends Log {
  /** debug (or trace), info, warn, error, fatal or silent; anything else means info. */
  setLevel(level: string): void;
  /** Loads pino. Until then lines are held in memory. */
  load(): Promise<void>;
  /** Writes what is still held, without pino; for the end of the process. */
  flush(): void;
}

/** Lines that are held at most before pino is there. */
const MAX_HELD = 500;

interface Held {
  readonly level: Level;
  readonly time: number;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}

/**
 * @param directory where `daemon.log` is, mode 0700; made by the first line.
 * @param level value of M_LOG_LEVEL: debug, info, warn, error, fatal or silent; anything else means info.
 */
export function createLog(directory: string, level: string | undefined, options: LogFileOptions = {}): ProcessLog {
  return new BufferedLog(new LogFile(directory, options), level ?? 'info');
}

class BufferedLog implements ProcessLog {
  readonly #file: LogFile;
  #threshold = LEVELS.info as number;
  #held: Held[] = [];
  #pino: Logger | undefined;

  constructor(file: LogFile, level: string) {
    this.#file = file;
    this.setLevel(level);
  }

  setLevel(level: string): void {
    const wanted = level === 'trace' ? 'debug' : level;
    const known = Object.hasOwn(LEVELS, wanted);
    this.#threshold = wanted === 'silent' ? Infinity : known ? LEVELS[wanted as Level] : LEVELS.info;
    if (!known && wanted !== 'silent') this.#write('warn', 'unknown log level');
  }

  debug(event: string, fields?: LogFields): void {
    this.#write('debug', event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write('error', event, fields);
  }

  fatal(event: string, fields?: LogFields): void {
    this.#write('fatal', event, fields);
  }

  async load(): Promise<void> {
    const { pino } = await import('./logging/pino.ts');
    this.#pino ??= pino({ level: 'debug', base: { pid: process.pid }, timestamp: false }, this.#file);
    for (const line of this.#takeHeld()) this.#emit(line);
  }

  flush(): void {
    for (const line of this.#takeHeld()) this.#file.write(plainLine(line));
  }

  #write(level: Level, event: string, fields: LogFields = {}): void {
    if (LEVELS[level] < this.#threshold) return;
    try {
      const line: Held = { level, time: Date.now(), event: safeEvent(event), fields: safeFields(fields) };
      if (this.#pino !== undefined) {
        this.#emit(line);
        return;
      }
      this.#held.push(line);
      // What anybody may look for is written at once: pino comes late, and the process may not live to see it.
      if (LEVELS[level] >= LEVELS.info || this.#held.length > MAX_HELD) this.flush();
    } catch {
      // A log that cannot be written must not stop what it reports on.
    }
  }

  #emit(line: Held): void {
    this.#pino?.[line.level]({ time: line.time, ...line.fields }, line.event);
  }

  #takeHeld(): Held[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}

/** The form that pino gives a line. */
function plainLine({ level, time, event, fields }: Held): string {
  return `${JSON.stringify({ level: LEVELS[level], pid: process.pid, time, ...fields, msg: event })}\n`;
}
