/** Heap snapshots as text in which a test looks for what must not be there. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { waitUntil } from './m-home.ts';

/**
 * The heap of a process that was started with `--heapsnapshot-signal=SIGUSR2`.
 * @param directory its working directory.
 */
export async function heapOfProcess(pid: number, directory: string): Promise<string> {
  const files = (): string[] => readdirSync(directory).filter((name) => name.endsWith('.heapsnapshot'));
  process.kill(pid, 'SIGUSR2');
  let text = '';
  await waitUntil(
    () => {
      const [file] = files();
      if (file === undefined) return false;
      text = readFileSync(join(directory, file), 'utf8');
      return isComplete(text);
    },
    () => `no whole snapshot of process ${pid}: ${text.length} characters`,
    60_000,
  );
  for (const file of files()) rmSync(join(directory, file));
  return text;
}

/** The heap of a thread. */
export async function heapOfWorker(worker: Worker): Promise<string> {
  const stream: Readable = await worker.getHeapSnapshot();
  const chunks: string[] = [];
  stream.setEncoding('utf8');
  for await (const chunk of stream) chunks.push(String(chunk));
  return chunks.join('');
}

function isComplete(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
