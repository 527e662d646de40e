/** The OS keychain, asked through a child process that can be ended. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { KEYCHAIN_ANSWERS, type KeychainAnswerKind } from './keychain-answers.ts';

const SERVICE = 'm';
/** Without a display nobody can answer a prompt. */
const DEADLINE_MS = 3_000;
/** Time for a person to find and answer the keychain's own prompt. */
const INTERACTIVE_DEADLINE_MS = 120_000;
const MAX_OUTPUT_BYTES = 16 * 1024;

/** Every answer that a keychain can give. `ABSENT` alone never proves that there is no key. */
export type KeychainAnswer =
  | { readonly kind: 'FOUND'; readonly secret: Buffer }
  | {
      readonly kind: Exclude<KeychainAnswerKind, 'FOUND'>;
      /** Part of a sentence for a person; empty when the kind says it all. */
      readonly detail: string;
    };

export interface KeychainCall {
  readonly operation: 'get' | 'set' | 'delete';
  readonly account: string;
  /** For `set`; the caller overwrites it afterwards. */
  readonly secret?: Buffer;
  /** D-Bus, XDG and display variables of the client that wants the key. */
  readonly environment: Readonly<Record<string, string>>;
  /** For the whole call, the start of the process included. */
  readonly deadlineMs: number;
}

/** Variables that a keychain needs. Nothing else of a client reaches the child. */
const PASSED = [
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'XDG_DATA_HOME',
  'XDG_CONFIG_HOME',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'HOME',
  'USER',
  'LOGNAME',
  'PATH',
  'LANG',
];

/** Account name of a store's root key; two data directories never share an item. */
export function keychainAccount(storeId: string): string {
  return `root:${storeId}`;
}

/** How long one call may take, in milliseconds. @param interactive whether a person can answer a prompt. */
export function keychainDeadline(interactive: boolean): number {
  return interactive ? INTERACTIVE_DEADLINE_MS : DEADLINE_MS;
}

/** Asks once. Never rejects and never takes longer than the deadline. */
export async function callKeychain(
  call: KeychainCall,
  helper = join(import.meta.dirname, 'keychain-helper.cjs'),
): Promise<KeychainAnswer> {
  const output: Buffer[] = [];
  try {
    return (await ended(start(call, helper), output, call.deadlineMs)) ?? parseAnswer(output);
  } catch (error) {
    return notStarted(error);
  } finally {
    for (const chunk of output) chunk.fill(0);
  }
}

type Helper = ChildProcessByStdio<Writable, Readable, null>;

/** @throws the error of the system, when it has no room for another process. */
function start(call: KeychainCall, helper: string): Helper {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', helper], {
    env: environmentOf(call),
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
  });
  // The child may be gone before it has read everything; its answer, or the lack of one, says what happened.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify({ operation: call.operation, service: SERVICE, account: call.account })}\n`);
  child.stdin.end(call.secret);
  return child;
}

function environmentOf(call: KeychainCall): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED) {
    const value = call.environment[name] ?? process.env[name];
    if (value !== undefined && !value.includes('\0')) env[name] = value;
  }
  return env;
}

/**
 * Resolves when the child has ended and everything it wrote is in `output`, and at the deadline whether or not it can be
 * ended: something it has started may keep its output open.
 * @returns the answer, when it is not in the output.
 */
function ended(child: Helper, output: Buffer[], deadlineMs: number): Promise<KeychainAnswer | undefined> {
  return new Promise((resolve) => {
    let received = 0;
    const settle = (found?: KeychainAnswer): void => {
      clearTimeout(timer);
      child.stdout.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      settle({ kind: 'TIMEOUT', detail: `no answer within ${Math.round(deadlineMs / 1000)} s` });
    }, deadlineMs);
    child.stdout.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= MAX_OUTPUT_BYTES) output.push(chunk);
      else child.kill('SIGKILL');
    });
    child.on('error', (error) => {
      settle(notStarted(error));
    });
    child.on('close', () => {
      settle();
    });
  });
}

function parseAnswer(output: readonly Buffer[]): KeychainAnswer {
  const all = Buffer.concat(output);
  try {
    const lineEnd = all.indexOf(0x0a);
    const { kind, detail } = JSON.parse(all.toString('utf8', 0, Math.max(0, lineEnd))) as Record<string, unknown>;
    if (!isAnswerKind(kind)) return noAnswer();
    if (kind === 'FOUND') return { kind, secret: Buffer.from(all.subarray(lineEnd + 1)) };
    return { kind, detail: typeof detail === 'string' ? detail : '' };
  } catch (error) {
    if (error instanceof SyntaxError) return noAnswer();
    throw error;
  } finally {
    all.fill(0);
  }
}

function isAnswerKind(value: unknown): value is KeychainAnswerKind {
  return (KEYCHAIN_ANSWERS as readonly unknown[]).includes(value);
}

/** It crashed, or was ended by somebody else: nothing is known of the keychain then, not even that there is none. */
function noAnswer(): KeychainAnswer {
  return { kind: 'TIMEOUT', detail: 'the helper process ended without an answer' };
}

function notStarted(error: unknown): KeychainAnswer {
  const { code, name } = error as NodeJS.ErrnoException;
  return { kind: 'TIMEOUT', detail: `the helper process could not be started (${code ?? name})` };
}
