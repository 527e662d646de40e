/** The second half of a scan: reads what has changed and writes the trees above it. */
import type { ByteText } from '../byte-text.ts';
import { EMPTY_TREE, type ObjectSink } from '../objects/object.ts';
import { DIRECTORY, encodeTree, type TreeEntry } from '../objects/tree-format.ts';
import type { DirectoryNode, Draft } from './directory-node.ts';
import { kindOf, type Stat } from './disk.ts';
import type { EntryReader, Reading } from './entry-reader.ts';
import { ScanStopped } from './scan-result.ts';
import { distrust, isSettled, modeIn, putStamp } from './stamp.ts';

export interface TreeWriterParts {
  readonly reader: EntryReader;
  readonly sink: ObjectSink;
  readonly drafts: ReadonlyMap<DirectoryNode, Draft>;
  /** When the scan began, milliseconds since the epoch. */
  readonly start: number;
  readonly signal: { readonly aborted: boolean };
}

export class TreeWriter {
  /** Trees that are others than before. */
  changed = 0;
  /** Paths that changed each time they were read. */
  readonly torn: ByteText[] = [];
  readonly #parts: TreeWriterParts;

  constructor(parts: TreeWriterParts) {
    this.#parts = parts;
  }

  /**
   * Completes a draft with all that is below it.
   * @param path of the directory. @throws ScanStopped when the signal is aborted, and what the sink throws.
   */
  finish(node: DirectoryNode, path: ByteText): void {
    const draft = this.#parts.drafts.get(node);
    if (draft === undefined) return;
    let isAltered = draft.isAltered;
    for (const index of draft.pending) isAltered = this.#read(node, index, path) || isAltered;
    for (const [index, child] of node.children.entries()) {
      this.finish(child, `${path}/${node.childNames[index] ?? ''}`);
      if (child.tree !== draft.before?.children[index]?.tree) isAltered = true;
    }
    node.tree = isAltered ? this.#write(node) : (draft.before?.tree ?? EMPTY_TREE);
    if (node.tree !== draft.before?.tree) this.changed += 1;
  }

  /** @returns whether the entry is another than before. */
  #read(node: DirectoryNode, index: number, directory: ByteText): boolean {
    if (this.#parts.signal.aborted) throw new ScanStopped({ reason: 'aborted' });
    const path = `${directory}/${node.names[index] ?? ''}`;
    const reading = this.#parts.reader.read(path, kindOf(modeIn(node.stamps, index)));
    if (reading.what !== 'captured') return this.#miss(node, index, reading);
    const { body, mode, stat, isTorn } = reading;
    const id = this.#parts.sink.write('blob', body);
    const isAltered = node.ids[index] !== id || node.modes[index] !== mode;
    node.ids[index] = id;
    node.modes[index] = mode;
    this.#putStamp(node, index, stat);
    if (isTorn) {
      distrust(node.stamps, index);
      this.torn.push(path);
    }
    return isAltered;
  }

  /** What cannot be read stays what it was; what is too large, of another kind or gone is in no tree. */
  #miss(node: DirectoryNode, index: number, reading: Exclude<Reading, { what: 'captured' }>): boolean {
    distrust(node.stamps, index);
    if (reading.what === 'gone') {
      distrust(node.stamp, 0);
    } else {
      const { reason, stat } = reading;
      node.skips = new Map(node.skips).set(node.names[index] ?? '', reason);
      if (stat === undefined) return false;
      this.#putStamp(node, index, stat);
    }
    const wasCaptured = node.ids[index] !== '';
    node.ids[index] = '';
    return wasCaptured;
  }

  #putStamp(node: DirectoryNode, index: number, stat: Stat): void {
    putStamp(node.stamps, index, stat);
    if (!isSettled(stat, this.#parts.start)) distrust(node.stamps, index);
  }

  #write(node: DirectoryNode): string {
    const entries: TreeEntry[] = [];
    for (const [index, name] of node.names.entries()) {
      const id = node.ids[index];
      const mode = node.modes[index];
      if (id !== undefined && id !== '' && mode !== undefined) entries.push({ name, mode, id });
    }
    for (const [index, name] of node.childNames.entries()) {
      const id = node.children[index]?.tree;
      if (id !== undefined && id !== EMPTY_TREE) entries.push({ name, mode: DIRECTORY, id });
    }
    return entries.length === 0 ? EMPTY_TREE : this.#parts.sink.write('tree', encodeTree(entries));
  }
}
