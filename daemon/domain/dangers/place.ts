/** Where a path leads that a command names, as far as its text tells: nothing is looked up, so links are not seen. */
import { HOME, type Argument } from '../shell/values.ts';

/** Where a command runs. */
export interface Where {
  readonly workspace: string;
  /** Undefined after a change to a folder that is not known. */
  readonly folder: string | undefined;
}

const HARMLESS_DEVICE =
  /^\/dev\/(?:null|zero|full|tty|stdin|stdout|stderr|random|urandom|fd\/\d+|ptmx|pts\/\d+|shm\/.+)$/;
const SYSTEM_FOLDERS =
  /^\/(?:etc|boot|usr|bin|sbin|lib|lib32|lib64|libx32|sys|proc|root|System|Library|Applications|private\/etc|var\/(?!tmp(?:\/|$)|folders\/))(?:\/|$)/;
const SYSTEM_ITSELF = /^\/(?:var|opt|home|Users|dev|mnt|media|srv|run)$/;
/** Files in the home folder that say what runs at the next login, or who may log in. */
const STARTUP_FILES = new RegExp(
  `^${HOME}/[.](?:bash(?:rc|_profile|_login|_logout|_aliases)|profile|zsh(?:rc|env)|zprofile|zlogin|kshrc|ssh(?:/|$)|gnupg(?:/|$)|config/(?:autostart|systemd|fish)(?:/|$))`,
);
/** What git keeps for itself: names that lead there say what is history, and what git runs. */
const GIT_OWN = /\/[.]git(?:\/|$)/i;
/** Where m keeps its files unless it is told otherwise, behind the home folder. */
export const OWN_IN_HOME: readonly string[] = [
  '/.local/share/m',
  '/.local/state/m',
  '/.config/m',
  '/Library/Application Support/m',
  '/Library/Preferences/m',
  '/Library/Logs/m',
];

/**
 * Absolute path of an argument, without `.` and `..`; the home folder stands for itself as `HOME`.
 * @returns undefined when the text does not tell.
 */
export function pathOf({ text, known }: Argument, { workspace, folder }: Where): string | undefined {
  if (!known) return undefined;
  if (text.startsWith('/') || text.startsWith(HOME)) return normal(text, workspace);
  return folder === undefined ? undefined : normal(`${folder}/${text}`, workspace);
}

/** The folder whose entire content a pattern stands for: `x/*` is x. */
export function pathOfAll(argument: Argument, where: Where): string | undefined {
  const all = argument.pattern ? /^(.*\/|)(?:\*+|\.\*|\.\[!\.\]\*|\{,\.\}\*)$/.exec(argument.text) : null;
  if (all === null) return pathOf(argument, where);
  const folder = (all[1] ?? '') === '' ? '.' : (all[1] ?? '');
  return pathOf({ ...argument, text: folder }, where);
}

/** How to call a place that must not be lost as a whole. @returns undefined for any other. */
export function preciousPlace(path: string, { workspace }: Where): string | undefined {
  if (path === '/') return 'the root folder';
  if (path === HOME || path === `${HOME}/..`) return 'the home folder';
  const own = normal(workspace, workspace);
  if (path === own) return 'the workspace itself';
  if (own.startsWith(`${path}/`)) return 'a folder that contains the workspace';
  if (path === `${own}/.git`) return 'the history of the workspace';
  if (SYSTEM_FOLDERS.test(`${path}/`) || SYSTEM_ITSELF.test(path)) return 'a system folder';
  return isOwn(path) ? 'the files of m itself' : undefined;
}

/** @returns what is dangerous about changing a file there, as the rest of a sentence; undefined when nothing is. */
export function dangerOfWriting(path: string): string | undefined {
  if (path.startsWith('/dev/')) return HARMLESS_DEVICE.test(path) ? undefined : 'writes to a device';
  if (SYSTEM_FOLDERS.test(path)) return 'writes to a system folder';
  if (STARTUP_FILES.test(path)) return 'changes what runs at the next login, or who may log in';
  if (GIT_OWN.test(path)) return 'changes what git keeps for itself';
  return isOwn(path) ? 'changes the files of m itself' : undefined;
}

/**
 * Whether a change of a file is a change of what runs at the next login, or of who may log in.
 * @param path absolute, through no symbolic link, as is `home`.
 */
export function isStartupFile(path: string, home: string): boolean {
  return path.startsWith(`${home}/`) && STARTUP_FILES.test(HOME + path.slice(home.length));
}

/** The same of a file that loses what is in it. */
export function dangerOfReplacing(argument: Argument, where: Where): string | undefined {
  const path = pathOf(argument, where);
  if (path === undefined) return 'writes over a file whose place is only known when it runs';
  const danger = dangerOfWriting(path);
  if (danger !== undefined || HARMLESS_DEVICE.test(path)) return danger;
  return isInside(path, where) ? undefined : 'writes over a file outside the workspace';
}

export function isInside(path: string, { workspace }: Where): boolean {
  const own = normal(workspace, workspace);
  return path === own || path.startsWith(own === '/' ? own : `${own}/`);
}

function isOwn(path: string): boolean {
  return OWN_IN_HOME.some((place) => path === HOME + place || path.startsWith(`${HOME}${place}/`));
}

/** An absolute path without `.` and `..`, which begins with `HOME` when it is in the home folder that the workspace is in. */
export function normal(path: string, workspace: string): string {
  const home = /^(?:\/home\/[^/]+|\/Users\/[^/]+|\/root)(?=\/|$)/.exec(workspace)?.[0];
  const [first = '', ...rest] = path.split('/');
  const kept: string[] = [];
  for (const part of rest) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0) kept.pop();
    else if (first === HOME) return `${HOME}/..`;
  }
  const whole = `${first}/${kept.join('/')}`.replace(/(.)\/$/, '$1');
  // The same place must have one name: which the workspace tells, when it is in a home folder.
  if (home !== undefined && (whole === home || whole.startsWith(`${home}/`))) return HOME + whole.slice(home.length);
  return whole;
}
