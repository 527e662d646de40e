/** One greeted connection as the services see it: who is there, and a way to push frames to it. */
import type { InitializeParams } from '../../protocol/admin.ts';
import type { KeyWish } from '../../protocol/key.ts';
import type { Build } from '../../protocol/version.ts';

export interface ClientPort {
  /** Unique in the life of this daemon, counting from 1. */
  readonly id: number;
  readonly kind: InitializeParams['client']['kind'];
  /** IANA name as the client sent it; not checked. */
  readonly timeZone: string;
  readonly clientBuild: Build;
  /** Empty when the client sent none. */
  readonly keyWish: KeyWish;
  /** Bytes that were sent and that the kernel has not taken yet. 0 once the connection is closed. */
  readonly unsentBytes: number;
  /**
   * Sends one frame of `protocol/frame.ts`. The same buffer may be sent to many clients; it is not changed.
   * @returns false when the peer is slower than we are, or gone: wait for `onDrain` or `onClose` before sending more.
   */
  sendFrame(frame: Buffer): boolean;
  /** Called each time the kernel has taken everything that was unsent. */
  onDrain(listener: () => void): void;
  /** Called once when the connection is closed; at once (in a microtask) when it is closed already. */
  onClose(listener: () => void): void;
  /** Ends the connection of a client that does not keep up. It may come back with its cursor. */
  disconnect(): void;
}
