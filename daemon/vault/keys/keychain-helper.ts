/**
 * One call to the OS keychain in a process of its own: a keychain can block for as long as it likes, and only a process
 * can be ended. Speaks on stdin and stdout: one line of JSON, then the raw bytes of the key, if any.
 */
import { Entry } from '@napi-rs/keyring';
import { readSync, writeSync } from 'node:fs';

interface Request {
  readonly operation: 'get' | 'set' | 'delete';
  readonly service: string;
  readonly account: string;
}

type Answer = 'FOUND' | 'ABSENT' | 'LOCKED' | 'UNAVAILABLE' | 'DENIED' | 'AMBIGUOUS' | 'CORRUPT' | 'DONE';

/** What keychains say, in their words; the library gives one code for all of it. */
const ANSWERS: readonly (readonly [RegExp, Answer])[] = [
  [/matched by \d+ credentials/i, 'AMBIGUOUS'],
  [/prompt was dismissed|is locked|locked collection|interaction is not allowed|-25308/i, 'LOCKED'],
  [/denied|not authorized|-128\b|-25293/i, 'DENIED'],
  [/UTF-8|encoding/i, 'CORRUPT'],
];

function readAll(): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(4096);
    const length = readSync(0, chunk, 0, chunk.length, null);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
  }
}

function answer(kind: Answer, detail: string, secret?: Uint8Array): void {
  writeSync(1, `${JSON.stringify({ answer: kind, detail })}\n`);
  if (secret !== undefined) writeSync(1, secret);
}

function perform(request: Request, secret: Buffer): void {
  // Without the pinned store any trouble with D-Bus silently selects the kernel keyring, which forgets at reboot.
  const entry = new Entry(request.service, request.account, { linux: { store: 'secret-service' } });
  if (request.operation === 'set') {
    entry.setSecret(secret);
    answer('DONE', '');
    return;
  }
  if (request.operation === 'delete') {
    answer(entry.deleteCredential() ? 'DONE' : 'ABSENT', '');
    return;
  }
  const found = entry.getSecret();
  if (found === null || found === undefined) answer('ABSENT', '');
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
    const text = error instanceof Error ? error.message : 'unknown';
    const known = ANSWERS.find(([pattern]) => pattern.test(text));
    answer(known?.[1] ?? 'UNAVAILABLE', text.slice(0, 300));
  } finally {
    secret.fill(0);
    input.fill(0);
  }
}

main();
