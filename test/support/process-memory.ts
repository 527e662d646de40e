/** The memory of a process as bytes in which a test looks for what must not be there, freed memory included. Linux. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+ *(.*)$/;

/**
 * How often each of these stands in the memory that a process can write.
 * @returns undefined where that memory cannot be looked at.
 */
export function occurrencesIn(pid: number, needles: readonly string[]): number[] | undefined {
  let memory: number;
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r');
  } catch {
    return undefined;
  }
  try {
    const counts = needles.map(() => 0);
    for (const bytes of mappingsOf(pid, memory)) {
      for (const [index, needle] of needles.entries()) counts[index] = (counts[index] ?? 0) + count(bytes, needle);
    }
    return counts;
  } finally {
    closeSync(memory);
  }
}

function* mappingsOf(pid: number, memory: number): Generator<Buffer> {
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [, first = '', last = '', name = ''] = MAPPING.exec(line) ?? [];
    if (first === '' || name.startsWith('[v')) continue;
    const start = Number.parseInt(first, 16);
    const bytes = Buffer.alloc(Number.parseInt(last, 16) - start);
    try {
      yield bytes.subarray(0, readSync(memory, bytes, 0, bytes.length, start));
    } catch {
      // Unmapped since the list was made.
    }
  }
}

function count(bytes: Buffer, needle: string): number {
  let found = 0;
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) found += 1;
  return found;
}
