/** Where the path in a call leads, and whether a file tool may go there at all. */
import type { BigIntStats } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { ToolRefusal, type ToolPlace } from '../../services/tool-port.ts';
import type { ToolSettings } from '../calls.ts';
import { isStartupFile } from '../../domain/dangers/place.ts';
import { resolvePath } from './resolve-path.ts';

const MAX_PATH = 4_096;
/** Views into the kernel: what looks like files there are the daemon's own secrets, and switches. */
const KERNEL = process.platform === 'linux' ? ['/proc', '/sys'] : [];

export interface Target {
  /** Absolute, through no symbolic link. */
  readonly path: string;
  /** For people and models: relative to the workspace when it lies inside. */
  readonly shown: string;
  /** The path itself when it lies outside the workspace: whoever decides must be told. */
  readonly outside: readonly string[];
  /** Undefined when nothing is there. */
  readonly stat: BigIntStats | undefined;
}

export class Places {
  readonly #settings: ToolSettings;

  constructor(settings: ToolSettings) {
    this.#settings = settings;
  }

  /**
   * @param path as the model wrote it: absolute, relative to the workspace, or from `~`.
   * @throws ToolRefusal when it leads nowhere, or to where no tool may read.
   */
  async toRead(place: ToolPlace, path: string): Promise<Target> {
    const { path: real, stat } = await resolvePath(absolutePath(place, path));
    const target = { path: real, stat, ...seenFrom(place.workspace, real) };
    if (KERNEL.some((root) => isWithin(root, real)))
      throw new ToolRefusal(`${target.shown} is a view into the system and not a file; run a command to see it`);
    if (await this.isSealed(real))
      throw new ToolRefusal(`${target.shown} belongs to the store of m, which no tool opens`);
    return target;
  }

  /** @throws ToolRefusal as `toRead` does, and where no tool may write. */
  async toWrite(place: ToolPlace, path: string): Promise<Target> {
    const target = await this.toRead(place, path);
    if (target.path.split('/').some(isGit))
      throw new ToolRefusal(`${target.shown} is part of git's own data, which file tools do not change; use git`);
    if (await isWithinAny(this.#settings.guarded, target.path))
      throw new ToolRefusal(`${target.shown} is part of the configuration of m, which only a person changes`);
    return target;
  }

  /** Why a change there is asked about in every mode, in sentences: the home folder may be a workspace like any other. */
  async dangersAt({ environment }: ToolPlace, path: string): Promise<string[]> {
    const home = environment['HOME'];
    if (home === undefined || !isAbsolute(home)) return [];
    return isStartupFile(path, await realOf(home))
      ? ['It changes what runs at the next login, or who may log in.']
      : [];
  }

  /** True for what is in the store, or above it by another name. */
  isSealed(path: string): Promise<boolean> {
    return isWithinAny(this.#settings.sealed, path);
  }

  /** Real paths of the directories that a search leaves out. */
  async sealedDirectories(): Promise<ReadonlySet<string>> {
    return new Set(await Promise.all(this.#settings.sealed.map(realOf)));
  }
}

/** What is shown of a path, and whether it lies outside. */
function seenFrom(workspace: string, path: string): Pick<Target, 'shown' | 'outside'> {
  if (!isWithin(workspace, path)) return { shown: path, outside: [path] };
  return { shown: relative(workspace, path) || '.', outside: [] };
}

/** @returns the path as people and models see it. */
export function shownPath(workspace: string, path: string): string {
  return seenFrom(workspace, path).shown;
}

function absolutePath(place: ToolPlace, path: string): string {
  if (path === '') throw new ToolRefusal('the path is empty');
  if (path.includes('\0')) throw new ToolRefusal('the path contains a NUL byte');
  if (Buffer.byteLength(path) > MAX_PATH) throw new ToolRefusal(`the path is longer than ${MAX_PATH} bytes`);
  if (path === '~' || path.startsWith('~/')) {
    const home = place.environment['HOME'];
    if (home === undefined || !isAbsolute(home)) throw new ToolRefusal('`~` means nothing here: HOME is not set');
    return `${home}/${path.slice(1)}`;
  }
  return isAbsolute(path) ? path : `${place.workspace}/${path}`;
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

async function isWithinAny(directories: readonly string[], path: string): Promise<boolean> {
  for (const directory of directories) if (isWithin(await realOf(directory), path)) return true;
  return false;
}

async function realOf(directory: string): Promise<string> {
  return (await resolvePath(join('/', directory))).path;
}

/** `.git` by any name that some file system takes for it. */
function isGit(name: string): boolean {
  const plain = name.toLowerCase().replace(/[. ]+$/, '');
  return plain === '.git' || plain === 'git~1';
}
