/** Loaded into a daemon by a test: on SIGUSR2 one of its threads ends badly, with everything secret in its hands. */
import { readFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/** What the file that M_TEST_CRASH names holds. */
export interface CrashOrder {
  readonly thread: 'main' | 'vault';
  readonly how: 'exception' | 'rejection' | 'heap';
  readonly secrets: readonly string[];
}

const vault = new BroadcastChannel('crash');
vault.unref();

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const order = JSON.parse(readFileSync(process.env['M_TEST_CRASH'] ?? '', 'utf8')) as CrashOrder;
    if (order.thread === 'main') crash(order);
    else vault.postMessage(order);
  });
} else {
  vault.onmessage = ({ data }) => {
    crash(data as CrashOrder);
  };
}

function crash({ how, secrets }: CrashOrder): void {
  if (how === 'heap') grow(secrets, secrets.join(' '));
  if (how === 'rejection') void Promise.reject(laden(secrets));
  setImmediate(() => {
    throw laden(secrets);
  });
}

/** An error that has the secrets wherever an error can have them. */
function laden(secrets: readonly string[]): Error {
  const text = secrets.join('\n    at ');
  const error = new TypeError(text, { cause: new Error(text) });
  error.name = secrets[0] ?? '';
  return Object.assign(error, { code: secrets[0], detail: text, errors: secrets });
}

/** Until there is no memory left; what the runtime prints of its stack has the secrets as arguments. */
function grow(secrets: readonly string[], text: string): never {
  const held: string[][] = [];
  for (;;) held.push(secrets.map((secret) => `${secret} ${text} ${held.length}`));
}
