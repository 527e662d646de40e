/** What a handler of the method table is, and who provides which. */
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { ClientPort } from '../services/client-port.ts';

export interface RequestContext {
  readonly connection: ClientPort;
  /** Aborted at the request's deadline, by `$/cancelRequest`, and, for methods that only read, when the client leaves. */
  readonly signal: AbortSignal;
}

/**
 * One handler. Its params are validated. It rejects with a ProtocolError; anything else reaches the client as INTERNAL.
 */
type Handler<M extends MethodName> = (params: ParamsOf<M>, context: RequestContext) => Promise<ResultOf<M>>;

/** A handler for every row of the table. */
type Routes = { readonly [M in MethodName]: Handler<M> };

/** Methods about the process itself. They are answered by `life/`, before and without everything else. */
export type LifeMethod = 'initialize' | 'daemon/status' | 'daemon/shutdown' | 'daemon/release';

/** The handlers that the composition root provides. */
export type ServiceRoutes = Omit<Routes, LifeMethod>;
