/** The thread's side of the process that watches: one process, from its start to its end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { WatchSettings } from '../watch-calls.ts';
import type { HelperCall, HelperMessage } from './stream-calls.ts';

/** Where compiled code is kept between two starts. */
const PASSED = ['HOME', 'XDG_CACHE_HOME', 'NODE_COMPILE_CACHE'] as const;
/** It holds the places that were told, a few thousand at most. */
const MEMORY = '--max-old-space-size=128';

export interface HelperEvents {
  message(message: HelperMessage): void;
  /** @param reason for a person: how it ended, though nobody had it ended. */
  death(reason: string): void;
}

export class HelperProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #isOver = false;

  /** @param script of the process. */
  constructor(script: string, { root, cookies }: WatchSettings, events: HelperEvents) {
    // Its only pipe is the one for messages: it closes when this process ends, however it does.
    this.#child = spawn(process.execPath, [MEMORY, script], {
      env: environment(),
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#ended = once(this.#child, 'exit').catch(() => undefined);
    this.#child.on('message', (message: HelperMessage) => {
      if (!this.#isOver) events.message(message);
    });
    const die = (reason: string): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      events.death(reason);
    };
    this.#child.on('error', (error) => {
      die(`the process that watches cannot be reached (${error.message})`);
    });
    this.#child.on('exit', (code, signal) => {
      die(`the process that watches ended ${signal === null ? `with code ${code}` : `by ${signal}`}`);
    });
    this.send({ kind: 'begin', root, cookies });
  }

  send(call: HelperCall): void {
    if (!this.#isOver && this.#child.connected) this.#child.send(call);
  }

  /** Ends it without telling of it; there is no process left afterwards. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#child.kill('SIGKILL');
    if (this.#child.pid !== undefined) await this.#ended;
  }
}

function environment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
