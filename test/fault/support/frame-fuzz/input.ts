/** What the fuzzer feeds the server: bytes, where they are cut, and the state in which they arrive. */

/** State of the daemon that a peer does not choose. */
export interface Knobs {
  readonly phase: 'serving' | 'draining' | 'closed';
  readonly hasKey: boolean;
  /** Whether what serves requests can be loaded. */
  readonly loads: boolean;
}

export const USUAL: Knobs = { phase: 'serving', hasKey: true, loads: true };

export interface Input {
  /** Where it comes from. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Offsets after which the next bytes come in a chunk of their own. */
  readonly cuts: readonly number[];
  /** Whether the handshake comes first. */
  readonly greeted: boolean;
  readonly knobs: Knobs;
  /** How many connections are open at the same time and say nothing. */
  readonly crowd: number;
  /** Leaves before the answers are there. */
  readonly leaves: boolean;
  /** Answers are not read until everything was sent. */
  readonly stalls: boolean;
}

export function input(name: string, bytes: string | Buffer, more: Partial<Input> = {}): Input {
  return {
    name,
    bytes: Buffer.from(bytes),
    cuts: [],
    greeted: true,
    knobs: USUAL,
    crowd: 0,
    leaves: false,
    stalls: false,
    ...more,
  };
}
