/**
 * One call to the OS keychain in a process of its own: a keychain can block for as long as it likes, and only a process
 * can be ended. Speaks on stdin and stdout: one line of JSON, then the raw bytes of the key, if any.
 */
import { Entry } from '@napi-rs/keyring';
import { readSync, writeSync } from 'node:fs';
import { answerOf, type KeychainAnswerKind } from './keychain-answers.ts';

interface Request {
  readonly operation: 'get' | 'set' | 'delete';
  readonly service: string;
  readonly account: string;
}

/** Longer than any key: what is longer is none, and is not read on. */
const MAX_SECRET_BYTES = 4096;

function readAll(): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(MAX_SECRET_BYTES);
    const length = readSync(0, chunk, 0, chunk.length, null);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
  }
  const all = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return all;
}

function answer(kind: KeychainAnswerKind, detail = '', secret?: Uint8Array): void {
  writeSync(1, `${JSON.stringify({ kind, detail })}\n`);
  if (secret !== undefined) writeSync(1, secret);
}

function perform(request: Request, secret: Buffer): void {
  // Without the pinned store any trouble with D-Bus silently selects the kernel keyring, which forgets at reboot.
  const entry = new Entry(request.service, request.account, { linux: { store: 'secret-service' } });
  if (request.operation === 'set') {
    entry.setSecret(secret);
    answer('DONE');
    return;
  }
  if (request.operation === 'delete') {
    answer(entry.deleteCredential() ? 'DONE' : 'ABSENT');
    return;
  }
  // An array of numbers, whatever its type says.
  const found: ArrayLike<number> | null | undefined = entry.getSecret();
  if (found === null || found === undefined) answer('ABSENT');
  else if (found.length > MAX_SECRET_BYTES) answer('CORRUPT');
  else answer('FOUND', '', Uint8Array.from(found));
}

function main(): void {
  const input = readAll();
  const lineEnd = input.indexOf(0x0a);
  const request = JSON.parse(input.toString('utf8', 0, lineEnd)) as Request;
  const secret = Buffer.from(input.subarray(lineEnd + 1));
  try {
    perform(request, secret);
  } catch (error) {
    const { kind, detail } = answerOf(error instanceof Error ? error.message : 'unknown', process.platform);
    answer(kind, detail);
  } finally {
    secret.fill(0);
    input.fill(0);
  }
}

main();
