/** The product's own thread of a workspace, as the daemon starts it, without the daemon. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { newStopFlag } from '../../../daemon/workspace/engine/stop-flag.ts';
import type {
  Answer,
  CallArguments,
  CallName,
  CallResult,
  Request,
  WorkspaceSettings,
} from '../../../daemon/workspace/thread/calls.ts';
import { DIST } from './places.ts';
import type { Contestant } from './snapshot-contestants.ts';
import { newId } from './workload.ts';

const LIMITS = { fileBytes: 10 * 2 ** 20, files: 200_000, bytes: 2 * 2 ** 30 };

export class OurSnapshots implements Contestant {
  readonly store: string;
  readonly #worker: Worker;
  readonly #online: Promise<unknown>;
  readonly #sessionId = newId();
  #turn = 0;
  #lastId = 0;

  constructor(workspace: string, directory: string, encrypt: boolean, watch: 'on' | 'off' = 'off') {
    this.store = join(directory, 'side');
    const settings: WorkspaceSettings = {
      root: workspace,
      directory: this.store,
      dataDirectory: directory,
      key: createSecretKey(randomBytes(32)),
      encrypt,
      places: { home: directory },
      limits: LIMITS,
      watch,
    };
    this.#worker = new Worker(join(DIST, 'workspace-worker.cjs'), { workerData: settings });
    this.#online = once(this.#worker, 'online');
  }

  async snapshot(): Promise<number> {
    const begin = performance.now();
    this.#turn += 1;
    const point = { kind: 'turn', turn: this.#turn, phase: 'pre' } as const;
    await this.#ask('take', [{ sessionId: this.#sessionId, point }, newStopFlag()]);
    return performance.now() - begin;
  }

  async restore(): Promise<number> {
    const sessionId = this.#sessionId;
    const target = { kind: 'turn', turn: this.#turn - 1, phase: 'pre' } as const;
    const begin = performance.now();
    const params = { sessionId, target, all: true };
    const { planId } = await this.#ask('plan', [{ params, newestTurn: this.#turn }, newStopFlag()]);
    const { left } = await this.#ask('apply', [sessionId, planId]);
    const took = performance.now() - begin;
    if (left > 0) throw new Error(`${left} files were not restored`);
    return took;
  }

  async prune(kept: number): Promise<number> {
    const session = this.#sessionId;
    const saves = Array.from({ length: kept }, (_, back) => ({ session, turn: this.#turn - back }));
    const protections = { pinned: new Set<string>(), live: new Set<string>(), saves };
    // Everything is a moment old, and what is not protected goes.
    const age = { now: Date.now() + 10_000, seen: undefined, maxAgeMs: 0 };
    const begin = performance.now();
    await this.#ask('beginPrune', [{ ...age, protections, maxBytes: Infinity, thorough: false, dryRun: false }]);
    for (;;) {
      const outcome = await this.#ask('stepPrune', []);
      if (outcome === undefined) continue;
      if (outcome.removed === 0) throw new Error('nothing was removed');
      return performance.now() - begin;
    }
  }

  async heap(): Promise<number> {
    await this.#online;
    const { used_heap_size: used, external_memory: outside } = await this.#worker.getHeapStatistics();
    return used + outside;
  }

  async #ask<K extends CallName>(name: K, args: CallArguments<K>): Promise<CallResult<K>> {
    this.#lastId += 1;
    const request: Request = { id: this.#lastId, name, args };
    const answered = Promise.withResolvers<Answer>();
    this.#worker.once('message', answered.resolve);
    this.#worker.once('error', answered.reject);
    this.#worker.postMessage(request);
    const answer = await answered.promise;
    this.#worker.off('error', answered.reject);
    if (answer.kind === 'value') return answer.value as CallResult<K>;
    throw new Error(answer.kind === 'error' ? answer.message : answer.stack);
  }
}
