/** Processes that play a role beside the bench. They speak over their IPC channel and end with it. */
import { fork, type ChildProcess } from 'node:child_process';
import { CHILD } from './places.ts';

const DEADLINE_MS = 120_000;

export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(role: string, args: readonly string[] = []) {
    this.#process = fork(CHILD, [role, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ended = new Promise((resolve) =>
      this.#process.once('exit', () => {
        resolve();
      }),
    );
  }

  /** A child that says it is ready. */
  static async ready(role: string, args: readonly string[] = []): Promise<Child> {
    const child = new Child(role, args);
    await child.next();
    return child;
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  send(message: object): void {
    this.#process.send(message);
  }

  /** The next thing it says. @param deadlineMs for what takes long by its nature. */
  next<T>(deadlineMs = DEADLINE_MS): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error('a child of the bench does not answer'));
      }, deadlineMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#process.off('message', onMessage).off('exit', onExit);
      };
      const onMessage = (message: unknown): void => {
        settle();
        resolve(message as T);
      };
      const onExit = (): void => {
        settle();
        reject(new Error('a child of the bench ended'));
      };
      this.#process.once('message', onMessage).once('exit', onExit);
    });
  }

  async ask<T>(message: object, deadlineMs = DEADLINE_MS): Promise<T> {
    const answer = this.next<T>(deadlineMs);
    this.send(message);
    return await answer;
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}

/** For the child: says something to the bench. */
export function tell(message: object): void {
  process.send?.(message);
}
