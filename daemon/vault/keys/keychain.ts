/** The OS keychain, asked through a child process that can be ended. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

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
      readonly kind: 'DONE' | 'ABSENT' | 'LOCKED' | 'DENIED' | 'AMBIGUOUS' | 'CORRUPT' | 'UNAVAILABLE' | 'TIMEOUT';
      readonly detail: string;
    };

export interface KeychainCall {
  readonly operation: 'get' | 'set' | 'delete';
  readonly account: string;
  /** For `set`; the caller overwrites it afterwards. */
  readonly secret?: Buffer;
  /** D-Bus, XDG and display variables of the client that wants the key. */
  readonly environment: Readonly<Record<string, string>>;
  readonly interactive: boolean;
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

/** Asks once. Never rejects and never outlives its deadline. */
export function callKeychain(
  call: KeychainCall,
  helper = join(import.meta.dirname, 'keychain-helper.cjs'),
): Promise<KeychainAnswer> {
  const env: Record<string, string> = {};
  for (const name of PASSED) {
    const value = call.environment[name] ?? process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', helper], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
  });
  const deadline = call.interactive ? INTERACTIVE_DEADLINE_MS : DEADLINE_MS;
  return new Promise((resolve) => {
    const output: Buffer[] = [];
    let received = 0;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, deadline);
    child.stdout.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= MAX_OUTPUT_BYTES) output.push(chunk);
      else child.kill('SIGKILL');
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ kind: 'UNAVAILABLE', detail: `the keychain helper did not start (${error.name})` });
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve(timedOut ? { kind: 'TIMEOUT', detail: `no answer within ${deadline / 1000} s` } : parseAnswer(output));
      for (const chunk of output) chunk.fill(0);
    });
    // The child may be gone before it has read everything; its answer, or the lack of one, says what happened.
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify({ operation: call.operation, service: SERVICE, account: call.account })}\n`);
    child.stdin.end(call.secret);
  });
}

function parseAnswer(output: readonly Buffer[]): KeychainAnswer {
  const all = Buffer.concat(output);
  const lineEnd = all.indexOf(0x0a);
  if (lineEnd === -1) return { kind: 'UNAVAILABLE', detail: 'the keychain helper ended without an answer' };
  const { answer, detail } = JSON.parse(all.toString('utf8', 0, lineEnd)) as {
    answer: KeychainAnswer['kind'];
    detail: string;
  };
  const secret = Buffer.from(all.subarray(lineEnd + 1));
  all.fill(0);
  return answer === 'FOUND' ? { kind: answer, secret } : { kind: answer, detail };
}
