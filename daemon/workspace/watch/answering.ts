/** How a watch thread answers one that sleeps. */
import type { WatchAnswer, WatchStart } from './watch-calls.ts';

/** @returns gives an answer and wakes who waits for it. */
export function answering({ bell, answers }: Pick<WatchStart, 'bell' | 'answers'>): (answer: WatchAnswer) => void {
  const count = new Int32Array(bell);
  return (answer) => {
    answers.postMessage(answer);
    Atomics.store(count, 0, answer.question);
    Atomics.notify(count, 0);
  };
}
