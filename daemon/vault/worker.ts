/** The vault thread: takes everything that has arrived, runs it as one group, and goes back to waiting. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Call, VaultSettings } from './calls.ts';
import { Vault } from './vault.ts';

/** Calls of one group; more wait for the next fsync. */
const MAX_GROUP = 256;

const port = parentPort;
if (port === null) throw new Error('the vault runs in a worker thread');

const { dataDirectory } = workerData as VaultSettings;
const vault = new Vault(dataDirectory, (answer) => {
  port.postMessage(answer);
});

port.on('message', (first: Call) => {
  const batch: Call[] = [first];
  while (batch.length < MAX_GROUP) {
    const next = receiveMessageOnPort(port) as { message: Call } | undefined;
    if (next === undefined) break;
    batch.push(next.message);
  }
  vault.run(batch);
});

vault.prepare();
