/**
 * The scan's side of the thread that looks ahead for it. What has changed in a large workspace is mostly nothing, and to
 * find that out is one system call a file, so two threads take half the time.
 *
 * The scout only says that something has a stamp; what has another, or none that came in time, the scan looks at itself.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ByteText } from '../byte-text.ts';
import type { DirectoryNode } from './directory-node.ts';
import { gistOf } from './gist.ts';
import { DONE, FREE, SCAN, type Place, type Round } from './scout-calls.ts';
import { STAMP } from './stamp.ts';

/** Files from which on it is worth while to wake another thread. */
const WORTHWHILE = 4_000;
/** Milliseconds that the scan waits for one directory that the scout is at. */
const PATIENCE = 1_000;
/** Memory of the thread's script: it holds the names. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

export class Scout {
  readonly #script: string;
  readonly #worthwhile: number;
  #worker: Worker | undefined;
  /** What the scout knows, by the list of names; a list is never changed, and is in one directory. */
  #slots = new Map<readonly ByteText[], number>();
  #nextSlot = 0;
  #isLost = false;

  constructor(script = join(import.meta.dirname, 'scout-worker.cjs'), worthwhile = WORTHWHILE) {
    this.#script = script;
    this.#worthwhile = worthwhile;
  }

  /**
   * Sends the scout ahead.
   * @param root what is known of the workspace. @returns undefined when it is not worth while, or the scout is lost.
   */
  send(root: DirectoryNode, path: ByteText): Ahead | undefined {
    if (this.#isLost || gistOf(root).files < this.#worthwhile) return undefined;
    const way: Step[] = [];
    collect(root, path, way);
    const slots = new Map<readonly ByteText[], number>();
    const places: Place[] = [];
    const order = new Int32Array(new SharedArrayBuffer(way.length * Int32Array.BYTES_PER_ELEMENT));
    const firsts = new Int32Array(new SharedArrayBuffer(way.length * Int32Array.BYTES_PER_ELEMENT));
    let stamps = 0;
    for (const [at, { node, path: place }] of way.entries()) {
      const known = this.#slots.get(node.names);
      const slot = known ?? (this.#nextSlot += 1);
      if (known === undefined) places.push({ slot, path: place, names: node.names });
      slots.set(node.names, slot);
      order[at] = slot;
      firsts[at] = stamps;
      stamps += 1 + node.names.length;
    }
    const gone = Array.from(this.#slots).filter(([names]) => !slots.has(names));
    this.#slots = slots;
    const round: Round = {
      places,
      gone: gone.map(([, slot]) => slot),
      order: order.buffer,
      firsts: firsts.buffer,
      claims: new SharedArrayBuffer(way.length * Int32Array.BYTES_PER_ELEMENT),
      stamps: new SharedArrayBuffer(stamps * STAMP * Float64Array.BYTES_PER_ELEMENT),
    };
    this.#thread().postMessage(round);
    return new Ahead(way, round, () => this.#lose());
  }

  async end(): Promise<void> {
    this.#isLost = true;
    await this.#worker?.terminate();
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.#script, { resourceLimits: LIMITS });
    worker.unref();
    // Without it a scan is what it was, and takes longer.
    worker.on('error', () => this.#lose());
    worker.on('exit', () => this.#lose());
    this.#worker = worker;
    return worker;
  }

  #lose(): void {
    this.#isLost = true;
    this.#slots.clear();
  }
}

interface Step {
  readonly node: DirectoryNode;
  readonly path: ByteText;
}

/** In the order of a scan. */
function collect(node: DirectoryNode, path: ByteText, way: Step[]): void {
  way.push({ node, path });
  for (const [index, child] of node.children.entries()) collect(child, `${path}/${node.childNames[index] ?? ''}`, way);
}

/** What a scout finds during one scan. */
export class Ahead {
  readonly #positions: ReadonlyMap<DirectoryNode, number>;
  readonly #claims: Int32Array;
  readonly #firsts: Int32Array;
  readonly #stamps: Float64Array;
  readonly #lost: () => void;
  #isLost = false;

  constructor(way: readonly Step[], round: Round, lost: () => void) {
    this.#positions = new Map(way.map(({ node }, at) => [node, at]));
    this.#claims = new Int32Array(round.claims);
    this.#firsts = new Int32Array(round.firsts);
    this.#stamps = new Float64Array(round.stamps);
    this.#lost = lost;
  }

  /**
   * The stamps of a directory and its names, as they are since the scan began.
   * @returns undefined when the scan has to look itself, and the scout will not.
   */
  of(node: DirectoryNode): Float64Array | undefined {
    const at = this.#positions.get(node);
    if (at === undefined || this.#isLost) return undefined;
    const taken = Atomics.compareExchange(this.#claims, at, FREE, SCAN);
    if (taken === FREE || taken === SCAN) return undefined;
    if (taken !== DONE && Atomics.wait(this.#claims, at, taken, PATIENCE) === 'timed-out') {
      this.#isLost = true;
      this.#lost();
      return undefined;
    }
    const first = this.#firsts[at] ?? 0;
    return this.#stamps.subarray(first * STAMP, (first + 1 + node.names.length) * STAMP);
  }

  /** The scout may rest. */
  end(): void {
    for (let at = 0; at < this.#claims.length; at += 1) Atomics.compareExchange(this.#claims, at, FREE, SCAN);
  }
}
