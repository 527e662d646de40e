/** A workspace on a real directory, with sessions whose turns change its files. */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PointName, TurnRef } from '../../../../../daemon/services/snapshot-port.ts';
import { newStopFlag } from '../../../../../daemon/workspace/engine/stop-flag.ts';
import { Workspace } from '../../../../../daemon/workspace/engine/workspace.ts';
import { DEFAULT_LIMITS, type ScanLimits } from '../../../../../daemon/workspace/scan/scan-result.ts';

export const ALICE = '01J00000000000000000000000';
export const BOB = '01J00000000000000000000001';

export class Workbench {
  readonly top: string;
  readonly root: string;
  readonly dataDirectory: string;
  readonly directory: string;
  readonly home: string;
  readonly key: KeyObject;
  encrypt: boolean;
  readonly #limits: Partial<ScanLimits>;
  #workspace: Workspace | undefined;
  #calls = 0;

  /** @param known a place of an earlier one, and its key. */
  constructor(
    encrypt = true,
    limits: Partial<ScanLimits> = {},
    known?: { readonly top: string; readonly key: Buffer },
  ) {
    this.encrypt = encrypt;
    this.#limits = limits;
    this.top = known?.top ?? realpathSync(mkdtempSync(join(tmpdir(), 'm-engine-')));
    this.root = join(this.top, 'project');
    this.dataDirectory = join(this.top, 'data');
    this.directory = join(this.dataDirectory, 'workspaces', 'side');
    this.home = join(this.top, 'home');
    this.key = createSecretKey(known?.key ?? randomBytes(32));
    for (const directory of [this.root, this.dataDirectory, this.home]) mkdirSync(directory, { recursive: true });
  }

  get workspace(): Workspace {
    this.#workspace ??= new Workspace({
      root: this.root,
      directory: this.directory,
      dataDirectory: this.dataDirectory,
      key: this.key,
      encrypt: this.encrypt,
      places: { home: this.home },
      limits: { ...DEFAULT_LIMITS, ...this.#limits },
      watch: 'auto',
    });
    return this.#workspace;
  }

  /** As after a kill: what was in memory is gone. */
  crash(): void {
    this.#workspace = undefined;
  }

  /** As a daemon that ends. */
  leave(): void {
    void this.#workspace?.close();
    this.#workspace = undefined;
  }

  /** A path beside the workspace. */
  beside(name: string): string {
    return join(this.top, name);
  }

  write(path: string, text: string | Buffer, mode?: number): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    if (mode !== undefined) chmodSync(full, mode);
  }

  /** A name of any bytes. */
  writeBytes(name: Buffer, text: string): void {
    writeFileSync(Buffer.concat([Buffer.from(`${this.root}/`), name]), text);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  text(path: string): string | undefined {
    const full = join(this.root, path);
    return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
  }

  /** Every file below a directory, with its content. */
  files(directory = this.root): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
      if (lstatSync(join(directory, name)).isFile()) found[name] = readFileSync(join(directory, name), 'utf8');
    }
    return found;
  }

  pre(sessionId: string, turn: number) {
    return this.workspace.take(point(sessionId, turn, 'pre'), newStopFlag());
  }

  /** Of which there is a snapshot; 0 when there is none. */
  newestTurn(sessionId: string): number {
    const newest = this.workspace.list(sessionId, 1, undefined).snapshots.at(0)?.point;
    return newest?.kind === 'turn' ? newest.turn : 0;
  }

  /** A command that does this. */
  command(turn: TurnRef, work: () => void): void {
    const mutation = { kind: 'command', callId: this.#nextCall() } as const;
    this.workspace.beginCall(turn, mutation);
    work();
    this.workspace.endCall(turn, mutation);
  }

  /** A file tool that writes. */
  edit(turn: TurnRef, path: string, text: string): void {
    const mutation = { kind: 'files', callId: this.#nextCall(), paths: [join(this.root, path)] } as const;
    this.workspace.beginCall(turn, mutation);
    this.write(path, text);
    this.workspace.endCall(turn, mutation);
  }

  end(turn: TurnRef) {
    return this.workspace.endTurn(turn, newStopFlag());
  }

  plan(
    sessionId: string,
    turn: number,
    phase: 'pre' | 'post',
    newestTurn: number,
    more: { all?: boolean; paths?: string[]; overwrite?: string[] } = {},
  ) {
    const params = { sessionId, target: { kind: 'turn', turn, phase } as const, ...more };
    return this.workspace.plan({ params, newestTurn }, newStopFlag());
  }

  planUndo(sessionId: string, newestTurn: number) {
    return this.workspace.plan({ params: { sessionId, target: { kind: 'undo' } }, newestTurn }, newStopFlag());
  }

  async restore(
    sessionId: string,
    turn: number,
    phase: 'pre' | 'post',
    newestTurn: number,
    more: { all?: boolean; paths?: string[]; overwrite?: string[] } = {},
  ) {
    const { planId } = await this.plan(sessionId, turn, phase, newestTurn, more);
    return await this.workspace.apply(sessionId, planId);
  }

  async undo(sessionId: string, newestTurn: number) {
    const { planId } = await this.planUndo(sessionId, newestTurn);
    return await this.workspace.apply(sessionId, planId);
  }

  close(): void {
    void this.#workspace?.close();
    rmSync(this.top, { recursive: true, force: true });
  }

  #nextCall(): string {
    this.#calls += 1;
    return `C${this.#calls}`;
  }
}

export function point(sessionId: string, turn: number, phase: 'pre' | 'post'): PointName {
  return { sessionId, point: { kind: 'turn', turn, phase } };
}
