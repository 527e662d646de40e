/** Loaded into a daemon before its own code: the metronome on its main thread, and on no other. */
import { isMainThread } from 'node:worker_threads';
import { beat } from './metronome.ts';

const file = process.env['BENCH_NOTES'];
if (isMainThread && file !== undefined) beat(file);
