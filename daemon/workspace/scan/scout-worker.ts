/** The thread that looks ahead: from the end of a scan's way towards its beginning, until the two meet. */
import { parentPort } from 'node:worker_threads';
import type { ByteText } from '../byte-text.ts';
import { realDisk } from './disk.ts';
import { DONE, FREE, SCOUT, type Place, type Round } from './scout-calls.ts';
import { putStamp } from './stamp.ts';

const port = parentPort;
if (port === null) throw new Error('the scout is a worker thread');

const places = new Map<number, Place>();

port.on('message', (round: Round) => {
  for (const slot of round.gone) places.delete(slot);
  for (const place of round.places) places.set(place.slot, place);
  const order = new Int32Array(round.order);
  const claims = new Int32Array(round.claims);
  const firsts = new Int32Array(round.firsts);
  const stamps = new Float64Array(round.stamps);
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const place = places.get(order[at] ?? -1);
    if (place === undefined || Atomics.compareExchange(claims, at, FREE, SCOUT) !== FREE) continue;
    const first = firsts[at] ?? 0;
    look(stamps, first, place.path);
    for (const [index, name] of place.names.entries()) look(stamps, first + 1 + index, `${place.path}/${name}`);
    Atomics.store(claims, at, DONE);
    Atomics.notify(claims, at);
  }
});

/** What the system does not tell here is asked again by the scan, which knows what to make of it. */
function look(stamps: Float64Array, index: number, path: ByteText): void {
  try {
    const stat = realDisk.lstat(path);
    if (stat !== undefined) putStamp(stamps, index, stat);
  } catch {
    return;
  }
}
