/** A scan where scans belong: in a thread, with the stack that a thread has. */
import { parentPort, workerData } from 'node:worker_threads';
import { Scanner, type ScannerParts } from '../../../../../daemon/workspace/scan/scanner.ts';
import { MemoryStore } from './memory-store.ts';

const scanner = new Scanner(workerData as ScannerParts);
const store = new MemoryStore();
scanner.scan(store, { aborted: false });
scanner.saveCache();
parentPort?.postMessage(new Scanner(workerData as ScannerParts).scan(store, { aborted: false }));
