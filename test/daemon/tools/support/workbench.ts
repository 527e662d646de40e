/** A workspace on a temporary directory and the real tools thread beside it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PreparedCall, ToolOutcome, ToolPlace, ToolSink } from '../../../../daemon/services/tool-port.ts';
import { ToolThread, type ToolThreadOptions } from '../../../../daemon/tools/tool-thread.ts';

const WORKER = join(import.meta.dirname, '../../../../dist/tools-worker.cjs');

const SILENT: ToolSink = {
  live: () => undefined,
  keep: () => Promise.resolve(),
  started: () => Promise.resolve(),
  ended: () => undefined,
};

export class Workbench {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'm-tt-')));
  readonly workspace = join(this.root, 'ws');
  readonly data = join(this.root, 'data');
  readonly config = join(this.root, 'config');
  readonly home = join(this.root, 'home');
  readonly unexpected: string[] = [];
  readonly thread: ToolThread;
  #calls = 0;

  constructor(options: Partial<ToolThreadOptions> = {}) {
    for (const directory of [this.workspace, this.data, this.config, this.home]) mkdirSync(directory);
    this.thread = new ToolThread({
      settings: { sealed: [this.data], guarded: [this.config] },
      onUnexpected: (name, stack) => this.unexpected.push(`${name}: ${stack}`),
      script: WORKER,
      ...options,
    });
  }

  /** @returns the absolute path. */
  file(path: string, content: string | Uint8Array): string {
    const full = join(this.workspace, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    return full;
  }

  path(path: string): string {
    return join(this.workspace, path);
  }

  place(sessionId = 'S'): ToolPlace {
    this.#calls += 1;
    return {
      sessionId,
      turn: 1,
      callId: `call-${this.#calls}`,
      workspace: this.workspace,
      environment: { HOME: this.home },
    };
  }

  prepare(name: string, args: unknown, sessionId?: string): Promise<PreparedCall> {
    return this.thread.prepare(this.place(sessionId), name, JSON.stringify(args));
  }

  run(call: PreparedCall, signal = new AbortController().signal, sessionId?: string): Promise<ToolOutcome> {
    return this.thread.run(this.place(sessionId), call, SILENT, signal);
  }

  /** Prepares and runs. */
  async use(name: string, args: unknown, sessionId?: string): Promise<ToolOutcome> {
    return this.run(await this.prepare(name, args, sessionId), undefined, sessionId);
  }

  async close(): Promise<void> {
    await this.thread.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
