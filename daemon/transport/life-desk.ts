/** What the transport asks of the process itself: the few methods that are answered before anything else is loaded. */
import type { InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import type { LifeMethod } from './routes.ts';

/** Whoever answers them. Rejections are ProtocolErrors. */
export interface LifeDesk {
  /**
   * The handshake.
   * @throws ProtocolError VERSION_MISMATCH when no protocol is shared, DRAINING when the store is closed already.
   */
  hello(params: InitializeParams): InitializeResult;
  /** `params` come as they were sent. */
  answer(method: Exclude<LifeMethod, 'initialize'>, params: unknown): Promise<object>;
}

const OTHERS: ReadonlySet<string> = new Set<LifeMethod>(['daemon/status', 'daemon/shutdown', 'daemon/release']);

/** Whether the desk answers a method that is not the handshake. */
export function isDeskMethod(method: string): method is Exclude<LifeMethod, 'initialize'> {
  return OTHERS.has(method);
}
