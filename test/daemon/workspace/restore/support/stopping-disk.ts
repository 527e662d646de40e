/** Disks that stop at a step as if the process had been killed there, or that refuse one. */
import { realDisk as realStoreDisk, type StoreDisk } from '../../../../../daemon/workspace/objects/store-disk.ts';
import { realDisk, type RestoreDisk } from '../../../../../daemon/workspace/restore/restore-disk.ts';

export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Runs before each step; may throw. */
export type BeforeStep = (step: string, path: string) => void;

export interface Disks {
  readonly work: RestoreDisk;
  readonly store: StoreDisk;
}

/** Nothing is done any more from a step on, counted from 0; what is written there is written half. */
export class StoppingDisks implements Disks {
  readonly work: RestoreDisk;
  readonly store: StoreDisk;
  steps = 0;
  readonly #last: number;

  constructor(last: number) {
    this.#last = last;
    this.work = hooked(realDisk, () => this.#step());
    const write = this.work.write;
    this.work = {
      ...this.work,
      write: (to, bytes) =>
        this.#half(
          () => realDisk.write(to, half(bytes)),
          () => write(to, bytes),
        ),
    };
    this.store = {
      ...realStoreDisk,
      create: (path) => this.#then(() => realStoreDisk.create(path)),
      write: (to, bytes) =>
        this.#half(
          () => realStoreDisk.write(to, half(bytes)),
          () => this.#then(() => realStoreDisk.write(to, bytes)),
        ),
      sync: (to) => this.#then(() => realStoreDisk.sync(to)),
      rename: (from, to) => this.#then(() => realStoreDisk.rename(from, to)),
      remove: (path) => this.#then(() => realStoreDisk.remove(path)),
      syncDirectory: (path) => this.#then(() => realStoreDisk.syncDirectory(path)),
    };
  }

  get isDead(): boolean {
    return this.steps > this.#last;
  }

  #half(firstHalf: () => void, whole: () => void): void {
    if (this.steps === this.#last) firstHalf();
    whole();
  }

  #then<T>(work: () => T): T {
    this.#step();
    return work();
  }

  #step(): void {
    this.steps += 1;
    if (this.isDead) throw new Killed();
  }
}

function half(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.subarray(0, bytes.length >> 1));
}

/** @returns the disk, with something before every step but the closing of files. */
export function hooked(disk: RestoreDisk, before: BeforeStep): RestoreDisk {
  const told = (step: string, path: unknown): void =>
    before(step, Buffer.isBuffer(path) ? path.toString('latin1') : '');
  return {
    create: (path) => (told('create', path), disk.create(path)),
    write: (file, bytes) => (told('write', ''), disk.write(file, bytes)),
    own: (file, user, group) => (told('own', ''), disk.own(file, user, group)),
    allow: (file, mode) => (told('allow', ''), disk.allow(file, mode)),
    allowPath: (path, mode) => (told('allowPath', path), disk.allowPath(path, mode)),
    sync: async (file) => (told('sync', ''), await disk.sync(file)),
    close: disk.close,
    link: (from, to) => (told('link', to), disk.link(from, to)),
    rename: (from, to) => (told('rename', to), disk.rename(from, to)),
    unlink: (path) => (told('unlink', path), disk.unlink(path)),
    symlink: (target, path) => (told('symlink', path), disk.symlink(target, path)),
    makeDirectory: (path, mode) => (told('makeDirectory', path), disk.makeDirectory(path, mode)),
    removeDirectory: (path) => (told('removeDirectory', path), disk.removeDirectory(path)),
  };
}

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'write', errno: -1 });
}
