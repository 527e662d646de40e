/** Starts a daemon that has nothing of the process that started it. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { ProtocolError } from '../../protocol/errors.ts';
import { DESKTOP_VARIABLES, pick } from './hello.ts';
import type { Locations } from './locations.ts';

const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TZ',
  'M_LOG_LEVEL',
  'XDG_CACHE_HOME',
  'NODE_COMPILE_CACHE',
  ...DESKTOP_VARIABLES,
] as const;
/** Half the young generation of the default: a third less memory under load at the same speed. */
const NODE_OPTIONS = ['--max-semi-space-size=4'];
/** Descriptors above this are closed by the daemon itself: masking costs a slot each, up to the highest, in the spawn. */
const HIGHEST_MASKED_DESCRIPTOR = 65_535;
/** Node, its vault, its keychain helper and a few clients. */
const ENOUGH_FILES = 1_024;
const CLOSE_ON_EXEC = 0o2000000;
/**
 * No core dump: one holds registers, and with them bytes of what was just worked on, even where it holds no memory. Only a
 * shell can set that limit for a process that Node starts; it is replaced by the process and leaves nothing behind.
 */
const WITHOUT_CORE_DUMPS = ['/bin/sh', '-c', 'ulimit -c 0; unset PWD OLDPWD SHLVL; exec "$0" "$@"'] as const;

export interface LaunchOptions {
  readonly locations: Locations;
  readonly environment: NodeJS.ProcessEnv;
  /** The program; a built client finds it beside itself. */
  readonly script: string;
  /** The new daemon asks a running one to hand the data directory over. */
  readonly takeOver: boolean;
}

/** A daemon that was started and may not serve yet. */
export interface Launch {
  readonly pid: number | undefined;
  /** How it ended, once it has: an exit code, a signal or an error of the start itself. */
  readonly ended: { readonly code: number | null; readonly reason: string } | undefined;
}

/**
 * Starts the daemon detached: no terminal, no descriptor, no working directory and no variable of ours that it does not
 * need, so that the caller's pipes end with the caller and nothing leaks into tools. The directories must have been
 * prepared.
 *
 * @throws ProtocolError DAEMON_UNAVAILABLE when there is no program to start, or this process may open no more files.
 */
export function launchDaemon(options: LaunchOptions): Launch {
  try {
    return launch(options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The last one is how the spawn says that it found no number for a descriptor.
    if (code !== 'EMFILE' && code !== 'ENFILE' && code !== 'EINVAL') throw error;
    throw new ProtocolError('DAEMON_UNAVAILABLE', `the daemon cannot be started: too many files are open (${code})`, {
      hint: `Raise the limit and try again: ulimit -n ${ENOUGH_FILES}`,
      cause: error,
    });
  }
}

function launch({ locations, environment, script, takeOver }: LaunchOptions): Launch {
  if (!existsSync(script)) {
    throw new ProtocolError('DAEMON_UNAVAILABLE', `there is no daemon program at ${script}`, {
      hint: 'Run `npm run build` in a clone, or install the package again.',
    });
  }
  const launched: { pid: number | undefined; ended: Launch['ended'] } = { pid: undefined, ended: undefined };
  const nothing = openSync('/dev/null', 'r+');
  try {
    const [shell, ...limit] = WITHOUT_CORE_DUMPS;
    const { masked, beyond } = sortInherited(nothing);
    const close = beyond.length === 0 ? [] : ['--close', beyond.join(',')];
    const program = [process.execPath, ...NODE_OPTIONS, script, ...daemonArguments(locations, takeOver), ...close];
    const child = withPrivateUmask(() =>
      spawn(shell, [...limit, ...program], {
        detached: true,
        cwd: locations.dataDirectory,
        env: scrub(environment),
        stdio: Array.from({ length: Math.max(2, ...masked) + 1 }, (_, fd) => (masked.has(fd) ? nothing : 'ignore')),
      }),
    );
    child.unref();
    launched.pid = child.pid;
    child.on('error', (error: NodeJS.ErrnoException) => {
      launched.ended ??= { code: null, reason: `could not be started (${error.code ?? 'unknown'})` };
    });
    child.on('exit', (code, signal) => {
      launched.ended ??= { code, reason: signal === null ? `exit code ${code}` : `signal ${signal}` };
    });
  } finally {
    closeSync(nothing);
  }
  return launched;
}

function daemonArguments(locations: Locations, takeOver: boolean): string[] {
  return [
    '--data-dir',
    locations.dataDirectory,
    '--config',
    locations.configFile,
    '--log-dir',
    locations.logDirectory,
    ...(takeOver ? ['--take-over'] : []),
  ];
}

function scrub(environment: NodeJS.ProcessEnv): Record<string, string> {
  const locale = Object.keys(environment).filter((name) => name.startsWith('LC_'));
  return pick(environment, [...PASSED_ON, ...locale]);
}

/** Files that exist before the daemon sets its own mask are closed to others too. Worker threads cannot set it. */
function withPrivateUmask<T>(action: () => T): T {
  if (!isMainThread) return action();
  const before = process.umask(0o077);
  try {
    return action();
  } finally {
    process.umask(before);
  }
}

/**
 * The descriptors that we inherited ourselves. Node closes its own in a child, but passes on those it was given: a caller
 * that reads a pipe to its end would wait for the daemon's. `masked` can be pointed to /dev/null on the way; `beyond` are
 * so high that no other can be put in their place, as when the limit was lowered after they were opened.
 *
 * @param nothing a descriptor of ours.
 */
function sortInherited(nothing: number): { masked: ReadonlySet<number>; beyond: readonly number[] } {
  const inherited = inheritedDescriptors().filter((fd) => fd > 2 && fd !== nothing);
  // The spawn needs a number for each of them above the highest one.
  const end =
    Math.min(HIGHEST_MASKED_DESCRIPTOR, inherited.length === 0 ? Infinity : fileLimit()) - inherited.length - 1;
  return { masked: new Set(inherited.filter((fd) => fd < end)), beyond: inherited.filter((fd) => fd >= end) };
}

/** How many files this process may open; infinite where that is not known. */
function fileLimit(): number {
  if (process.platform !== 'linux') return Infinity;
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

function inheritedDescriptors(): number[] {
  if (process.platform !== 'linux') return readdirSync('/dev/fd').map(Number);
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => !isClosedOnExec(fd));
}

function isClosedOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    // The descriptor of the listing itself, closed by now.
    return true;
  }
}
