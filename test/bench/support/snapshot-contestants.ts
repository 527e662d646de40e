/** Others who can keep the files of a directory: native git, and the commands of isomorphic-git. */
import { execFileSync } from 'node:child_process';
import fs, { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as git from 'isomorphic-git';

export interface Contestant {
  /** @returns milliseconds. */
  snapshot(): Promise<number>;
  /** Brings the files back to the snapshot before the newest one, having kept what is there. @returns milliseconds. */
  restore(): Promise<number>;
  /** Gives back what only the snapshots before the newest ones need. @returns milliseconds. */
  prune(kept: number): Promise<number>;
  /** Bytes of memory that are in use. */
  heap(): Promise<number>;
  /** Bytes on disk are those below this directory. */
  readonly store: string;
}

const AUTHOR = { name: 'm', email: 'm@localhost' };

/** `add -A`, `write-tree`, `commit-tree`, `update-ref`, with a repository beside the workspace. */
export class NativeGit implements Contestant {
  readonly store: string;
  readonly #workspace: string;
  readonly #environment: NodeJS.ProcessEnv;
  #snapshots = 0;
  #pruned = 0;

  constructor(workspace: string, store: string) {
    this.store = store;
    this.#workspace = workspace;
    this.#environment = {
      PATH: process.env['PATH'],
      HOME: store,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_DIR: store,
      GIT_WORK_TREE: workspace,
      GIT_AUTHOR_NAME: AUTHOR.name,
      GIT_AUTHOR_EMAIL: AUTHOR.email,
      GIT_COMMITTER_NAME: AUTHOR.name,
      GIT_COMMITTER_EMAIL: AUTHOR.email,
    };
    mkdirSync(store, { recursive: true });
    this.#git('init', '-q');
    this.#git('config', 'gc.auto', '0');
  }

  snapshot(): Promise<number> {
    const begin = performance.now();
    this.#take();
    return Promise.resolve(performance.now() - begin);
  }

  restore(): Promise<number> {
    const target = `refs/snap/${this.#snapshots - 2}`;
    const begin = performance.now();
    this.#take();
    this.#git('read-tree', '--reset', '-u', target);
    return Promise.resolve(performance.now() - begin);
  }

  prune(kept: number): Promise<number> {
    const gone = this.#snapshots - kept;
    for (let at = this.#pruned; at < gone; at += 1) this.#git('update-ref', '-d', `refs/snap/${at}`);
    this.#pruned = gone;
    const begin = performance.now();
    this.#git('gc', '-q', '--prune=now');
    return Promise.resolve(performance.now() - begin);
  }

  heap(): Promise<number> {
    return Promise.resolve(0);
  }

  #take(): void {
    this.#git('add', '-A');
    const tree = this.#git('write-tree');
    const commit = this.#git('commit-tree', tree, '-m', 'snapshot');
    this.#git('update-ref', `refs/snap/${this.#snapshots}`, commit);
    this.#snapshots += 1;
  }

  #git(...args: string[]): string {
    const options = { cwd: this.#workspace, env: this.#environment, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
    return execFileSync('git', args, options).trim();
  }
}

/** The first with `add` of everything, later ones with `statusMatrix`, as its documentation shows. */
export class IsomorphicGit implements Contestant {
  readonly store: string;
  readonly #workspace: string;
  readonly #cache = {};
  #isNew = true;

  constructor(workspace: string, store: string) {
    this.store = join(store, '.git');
    this.#workspace = workspace;
  }

  async snapshot(): Promise<number> {
    const begin = performance.now();
    const place = { fs, dir: this.#workspace, gitdir: this.store, cache: this.#cache };
    if (this.#isNew) {
      await git.init(place);
      // Files side by side, its default, run out of descriptors from twenty thousand on.
      await git.add({ ...place, filepath: '.', parallel: false });
      this.#isNew = false;
    } else {
      for (const [filepath, , workdir, stage] of await git.statusMatrix(place)) {
        if (workdir === 0) await git.remove({ ...place, filepath });
        else if (workdir !== stage) await git.add({ ...place, filepath });
      }
    }
    await git.commit({ ...place, message: 'snapshot', author: AUTHOR });
    return performance.now() - begin;
  }

  restore(): Promise<number> {
    return Promise.reject(new Error('its checkout is not compared'));
  }

  prune(): Promise<number> {
    return Promise.reject(new Error('it has no collection of what nobody needs'));
  }

  heap(): Promise<number> {
    return Promise.resolve(process.memoryUsage().heapUsed);
  }
}
