/** What a process did to its files, in order, as strace saw it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Paths are absolute. Descriptors are those of one process; its threads share them. */
export type TraceEvent =
  | {
      readonly kind: 'open';
      readonly fd: number;
      readonly path: string;
      readonly create: boolean;
      readonly empty: boolean;
    }
  | { readonly kind: 'close'; readonly fd: number }
  /** `offset` is undefined for a write at the end of what was written before. */
  | { readonly kind: 'write'; readonly fd: number; readonly data: Buffer; readonly offset: number | undefined }
  | { readonly kind: 'truncate'; readonly fd: number; readonly length: number }
  | { readonly kind: 'sync'; readonly fd: number; readonly failed: boolean }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'link'; readonly from: string; readonly to: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  /** A call that the model of the disk does not know. */
  | { readonly kind: 'unknown'; readonly name: string; readonly fd: number };

/** What must not happen to a file of the store unseen. */
const UNKNOWN = ['pwritev', 'pwritev2', 'writev', 'fallocate', 'copy_file_range', 'truncate', 'sync_file_range'];

/** Whether processes can be traced here. */
export function canTrace(): boolean {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore', timeout: 10_000 });
  return status === 0;
}

/**
 * The command line of a traced program; `file` receives the trace.
 * @param inject what goes wrong, as strace is told it.
 */
export function traced(file: string, command: readonly string[], inject?: string): string[] {
  const calls = `trace=${[...Object.keys(EVENTS), ...UNKNOWN].join(',')}`;
  const faults = inject === undefined ? [] : ['-e', `inject=${inject}`];
  const how = ['-f', '-qq', '-xx', '-s', '1000000', '-o', file, '-e', calls, '-e', 'signal=none', ...faults];
  return ['strace', ...how, ...command];
}

/** @throws when a line cannot be understood, since an image of half a trace would prove nothing. */
export function readTrace(file: string): TraceEvent[] {
  const unfinished = new Map<string, string>();
  const events: TraceEvent[] = [];
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const match = /^(\d+) +(.*)$/.exec(line);
    const [, pid = '', text = ''] = match ?? [];
    if (text === '' || text.startsWith('+++')) continue;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const whole = resumed === null ? text : `${unfinished.get(pid) ?? ''}${resumed[1] ?? ''}`;
    if (whole.endsWith('<unfinished ...>')) {
      unfinished.set(pid, whole.slice(0, -'<unfinished ...>'.length).trimEnd());
      continue;
    }
    const event = eventOf(whole);
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** One call, taken apart. */
interface Call {
  readonly name: string;
  readonly value: number;
  /** The first argument, where it is a number. */
  readonly fd: number;
  /** Arguments, with nothing in the place of strings. */
  readonly plain: readonly string[];
  readonly strings: readonly Buffer[];
}

const path = (call: Call, index: number): string => call.strings[index]?.toString('utf8') ?? '';
const written = (call: Call, offset: number | undefined): TraceEvent => {
  const data = call.strings[0];
  if (data === undefined || data.length < call.value) throw new Error('the trace does not hold all that was written');
  return { kind: 'write', fd: call.fd, data: data.subarray(0, call.value), offset };
};
const synced = ({ fd, value }: Call): TraceEvent => ({ kind: 'sync', fd, failed: value < 0 });
const unlinked = (call: Call): TraceEvent => ({ kind: 'unlink', path: path(call, 0) });
const linked = (call: Call): TraceEvent => ({ kind: 'link', from: path(call, 0), to: path(call, 1) });
const renamed = (call: Call): TraceEvent => ({ kind: 'rename', from: path(call, 0), to: path(call, 1) });
const made = (call: Call): TraceEvent => ({ kind: 'mkdir', path: path(call, 0) });

const EVENTS: Readonly<Record<string, (call: Call) => TraceEvent>> = {
  openat: (call) => opened(call.value, path(call, 0), call.plain[2] ?? ''),
  close: ({ fd }) => ({ kind: 'close', fd }),
  pwrite64: (call) => written(call, Number(call.plain[3])),
  write: (call) => written(call, undefined),
  ftruncate: ({ fd, plain }) => ({ kind: 'truncate', fd, length: Number(plain[1]) }),
  fsync: synced,
  fdatasync: synced,
  unlink: unlinked,
  unlinkat: unlinked,
  link: linked,
  linkat: linked,
  rename: renamed,
  renameat: renamed,
  renameat2: renamed,
  mkdir: made,
  mkdirat: made,
};

function eventOf(text: string): TraceEvent | undefined {
  const match = /^(\w+)\((.*)\) += (-?\d+)/.exec(text);
  if (match === null) throw new Error(`not understood: ${text.slice(0, 200)}`);
  const [, name = '', args = '', result = ''] = match;
  const value = Number(result);
  if (value < 0 && !name.includes('sync')) return undefined;
  const strings = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex));
  const plain = args.replaceAll(/"(?:\\x[0-9a-f]{2})*"/g, '""').split(', ');
  const fd = Number(plain[0]);
  return EVENTS[name]?.({ name, value, fd, plain, strings }) ?? { kind: 'unknown', name, fd };
}

function opened(fd: number, path: string, flags: string): TraceEvent {
  const has = (flag: string): boolean => flags.split('|').includes(flag);
  if (has('O_APPEND')) throw new Error(`the model does not know O_APPEND: ${path}`);
  return { kind: 'open', fd, path, create: has('O_CREAT'), empty: has('O_TRUNC') };
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex');
}
