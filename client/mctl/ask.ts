/** Questions on a terminal. */
import { createInterface } from 'node:readline';
import type { Surroundings } from '../command-line/surroundings.ts';
import { ProtocolError } from '../../protocol/errors.ts';

const ENTER = new Set(['\r', '\n']);
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const ERASE = new Set(['\x7f', '\b']);

/** One answer; empty at the end of input. The question goes to stderr, so that stdout stays data. */
export async function ask(around: Surroundings, question: string): Promise<string> {
  around.stderr.write(question);
  const lines = createInterface({ input: around.stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    around.stdin.pause();
  }
}

/**
 * One answer that is not shown while it is typed.
 * @throws ProtocolError CANCELLED after Ctrl+C.
 */
export async function askSecretly(around: Surroundings, question: string): Promise<string> {
  const { stdin, stderr } = around;
  stderr.write(question);
  stdin.setRawMode?.(true);
  stdin.setEncoding('utf8');
  try {
    return await typedSecretly(around);
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    stderr.write('\n');
  }
}

async function typedSecretly({ stdin }: Surroundings): Promise<string> {
  const typed: string[] = [];
  for await (const chunk of stdin) {
    for (const key of String(chunk)) {
      if (ENTER.has(key) || key === CTRL_D) return typed.join('');
      if (key === CTRL_C) throw new ProtocolError('CANCELLED', 'nothing was changed');
      if (ERASE.has(key)) typed.pop();
      else if (key >= ' ') typed.push(key);
    }
  }
  return typed.join('');
}
