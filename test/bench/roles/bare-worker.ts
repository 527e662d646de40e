/** A thread that inserts what it is sent and answers when it is durable: the vault thread without the vault. */
import { parentPort } from 'node:worker_threads';
import { openBare } from '../support/bare.ts';

export function serve(file: string): void {
  const bare = openBare(file);
  parentPort?.on('message', ([id, text]: [number, string]) => {
    if (id === 0) {
      bare.close();
      parentPort?.close();
      return;
    }
    bare.insert(text);
    parentPort?.postMessage([id]);
  });
}
