/** A workspace in a temporary directory, a scanner of it, and what the test itself sees on the disk. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import type { ByteText } from '../../../../../daemon/workspace/byte-text.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSource } from '../../../../../daemon/workspace/objects/object.ts';
import { decodeTree, DIRECTORY } from '../../../../../daemon/workspace/objects/tree-format.ts';
import { realDisk, type Disk } from '../../../../../daemon/workspace/scan/disk.ts';
import type { ScanLimits, ScanResult } from '../../../../../daemon/workspace/scan/scan-result.ts';
import { Scanner } from '../../../../../daemon/workspace/scan/scanner.ts';
import { MemoryStore } from './memory-store.ts';

/** `<mode in octal> <content>` by path. */
export type Picture = Record<ByteText, string>;

export class ScanBench {
  readonly base: string;
  readonly root: string;
  readonly home: string;
  readonly store = new MemoryStore();
  /** Calls of the disk by name, with the path where there is one. */
  readonly calls: string[] = [];
  disk: Disk = this.#watched();
  now: (() => number) | undefined;
  limits: Partial<ScanLimits> = {};
  #scanner: Scanner | undefined;

  /** @param other whose workspace this scanner looks at too. */
  constructor(parent: string, other?: ScanBench) {
    this.base = realpathSync(mkdtempSync(join(parent, 'm-scan-')));
    this.root = other?.root ?? join(this.base, 'work');
    this.home = other?.home ?? join(this.base, 'home');
    mkdirSync(this.root, { recursive: true });
    mkdirSync(this.home, { recursive: true });
  }

  get scanner(): Scanner {
    this.#scanner ??= new Scanner({
      root: this.root,
      cacheFile: join(this.base, 'cache'),
      key: undefined,
      places: { home: this.home },
      limits: this.limits,
      clock: { now: () => this.now?.() ?? Date.now() },
      disk: new Proxy(this.disk, { get: (_, name: keyof Disk) => this.disk[name] }),
    });
    return this.#scanner;
  }

  /** Another life of the process. */
  restart(): void {
    this.#scanner = undefined;
  }

  scan(options: { readonly relist?: boolean } = {}): ScanResult {
    this.calls.length = 0;
    return this.scanner.scan(this.store, { aborted: false }, options);
  }

  /** Scans until what is there is trusted, by a clock that is ahead of every stamp. */
  settle(): ScanResult {
    const now = this.now;
    this.now = () => Date.now() + 60_000;
    try {
      this.scan();
      return this.scan();
    } finally {
      this.now = now;
    }
  }

  picture(options: { readonly relist?: boolean } = {}): Picture {
    return pictureOf(this.store, this.scan(options).tree);
  }

  file(path: string, content: string | Buffer = path, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), content, { mode });
  }

  at(path: string): string {
    return join(this.root, path);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  git(...args: string[]): string {
    const { stdout, stderr, status } = spawnSync('git', args, {
      cwd: this.root,
      env: cleanEnvironment(this.home),
      maxBuffer: 2 ** 28,
    });
    expect(status, stderr.toString()).toBe(0);
    return stdout.toString().trim();
  }

  /** What git makes of the whole directory, in a repository beside it. */
  nativeTree(): ObjectId {
    const side = join(this.base, `side-${Math.random().toString(36).slice(2)}`);
    const run = (...args: string[]) =>
      this.git(`--git-dir=${side}`, `--work-tree=${this.root}`, '-c', 'core.autocrlf=false', ...args);
    this.git('init', '-q', '--bare', side);
    run('add', '-A', '.');
    const tree = run('write-tree');
    rmSync(side, { recursive: true });
    return tree;
  }

  dispose(): void {
    spawnSync('chmod', ['-R', 'u+rwX', this.base]);
    rmSync(this.base, { recursive: true, force: true });
  }

  #watched(): Disk {
    return {
      ...realDisk,
      list: (path) => (this.calls.push(`list ${path.slice(this.root.length + 1)}`), realDisk.list(path)),
      open: (path) => (this.calls.push(`open ${path.slice(this.root.length + 1)}`), realDisk.open(path)),
    };
  }
}

export function cleanEnvironment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}

export function pictureOf(source: ObjectSource, tree: ObjectId, prefix = ''): Picture {
  const picture: Picture = {};
  if (tree === EMPTY_TREE) return picture;
  for (const { name, mode, id } of decodeTree(source.read(tree).body)) {
    if (mode === DIRECTORY) Object.assign(picture, pictureOf(source, id, `${prefix}${name}/`));
    else picture[`${prefix}${name}`] = `${mode.toString(8)} ${source.read(id).body.toString('latin1')}`;
  }
  return picture;
}

/** What is on the disk, read by other code than that under test; without any `.git`. */
export function diskPicture(root: string, prefix = ''): Picture {
  const picture: Picture = {};
  const directory = Buffer.from(`${root}/${Buffer.from(prefix, 'latin1').toString('latin1')}`, 'latin1');
  for (const raw of readdirSync(directory, { encoding: 'buffer' })) {
    const name = raw.toString('latin1');
    if (name === '.git') continue;
    const path = Buffer.from(`${root}/${prefix}${name}`, 'latin1');
    const stat = lstatSync(path);
    if (stat.isDirectory()) Object.assign(picture, diskPicture(root, `${prefix}${name}/`));
    else if (stat.isSymbolicLink())
      picture[`${prefix}${name}`] = `120000 ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`;
    else if (stat.isFile())
      picture[`${prefix}${name}`] =
        `${(stat.mode & 0o100) === 0 ? '100644' : '100755'} ${readFileSync(path).toString('latin1')}`;
  }
  return picture;
}
