/** Where the line editor believes its terminal is: what it writes passes, or is dropped while the line is not on screen. */
import { Writable } from 'node:stream';
import { showLineEnds } from './line-codec.ts';

export class EchoGate extends Writable {
  readonly isTTY = true;
  isOpen = true;
  columns: number;
  readonly #sink: (text: string) => void;

  constructor(columns: number, sink: (text: string) => void) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.#sink = sink;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    if (this.isOpen) this.#sink(showLineEnds(typeof chunk === 'string' ? chunk : chunk.toString('utf8')));
    done();
  }
}
