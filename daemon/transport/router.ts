/** From a method's name to its handler: checks before it, a deadline and a signal around it, and the error after it. */
import type * as z from 'zod/mini';
import { safeParse } from 'zod/mini';
import { ProtocolError } from '../../protocol/errors.ts';
import type { MethodSpec } from '../../protocol/method-spec.ts';
import { METHODS, type MethodName } from '../../protocol/methods.ts';
import type { ClientPort } from '../services/client-port.ts';
import { toWireError, type Report, type WireError } from './error-mapping.ts';
import { readInitializeParams } from './hello-params.ts';
import { isDeskMethod, type LifeDesk } from './life-desk.ts';
import { parseParams } from './params.ts';
import type { RequestContext, ServiceRoutes } from './routes.ts';

export interface RouterOptions {
  readonly routes: ServiceRoutes;
  readonly desk: LifeDesk;
  /** While `draining` only methods of the admin subset are served, once `closed` none. */
  phase(): 'serving' | 'draining' | 'closed';
  /** Resolves when the store can be read; rejects with the reason why it cannot. */
  requireKey(): Promise<void>;
  readonly report: Report;
  /** Checks results against the table too. */
  readonly validateResults: boolean;
}

export type Outcome = { readonly result: unknown } | { readonly error: WireError };

/** One request that is being served. */
export interface Call {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>;
  /** `$/cancelRequest`. A method that only reads is answered at once; others end as they see fit. */
  cancel(): void;
  /** The client has left. Ends a method that only reads, and nothing else. */
  abandon(): void;
}

type AnyHandler = (params: unknown, context: RequestContext) => Promise<unknown>;
type ServiceMethod = keyof ServiceRoutes;

export class Router {
  readonly #options: RouterOptions;
  /** Handlers that have not settled, those whose client no longer waits included. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Resolves when every handler that has begun is done. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  call(method: string, params: unknown, connection: ClientPort): Call {
    const spec = specOf(method);
    const span = new Span(spec?.effect === 'read');
    return {
      outcome: this.#outcome(method, spec, params, connection, span),
      cancel: () => {
        span.end(new ProtocolError('CANCELLED', `${method} was cancelled`));
      },
      abandon: () => {
        if (span.readsOnly) span.end(new ProtocolError('CANCELLED', 'the client has left'));
      },
    };
  }

  async #outcome(
    method: string,
    spec: MethodSpec | undefined,
    params: unknown,
    connection: ClientPort,
    span: Span,
  ): Promise<Outcome> {
    try {
      if (isDeskMethod(method)) return { result: await this.#options.desk.answer(method, params) };
      if (method === 'initialize') return { result: this.#options.desk.hello(readInitializeParams(params)) };
      if (spec === undefined) throw new ProtocolError('METHOD_NOT_FOUND', `there is no method ${method.slice(0, 100)}`);
      this.#refuseWhileDraining(spec);
      const valid = parseParams(spec.params, params);
      return { result: await this.#serve(method as ServiceMethod, spec, valid, connection, span) };
    } catch (error) {
      return { error: toWireError(error, spec === undefined ? 'unknown' : method, this.#options.report) };
    }
  }

  #serve(
    method: ServiceMethod,
    spec: MethodSpec,
    params: unknown,
    connection: ClientPort,
    span: Span,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = deadlineError(method, spec);
        span.end(error);
        reject(error);
      }, spec.deadlineMs);
      if (span.readsOnly) span.onEnd(reject);
      const running = this.#run(method, spec, params, connection, span)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer);
          this.#running.delete(running);
        });
      this.#running.add(running);
    });
  }

  async #run(
    method: ServiceMethod,
    spec: MethodSpec,
    params: unknown,
    connection: ClientPort,
    span: Span,
  ): Promise<unknown> {
    if (spec.needsKey) await this.#options.requireKey();
    // The span may have ended while the store was being opened; what has not begun need not begin.
    span.throwIfEnded();
    const handler = this.#options.routes[method] as AnyHandler;
    try {
      const result = await handler(params, new Context(connection, span));
      if (this.#options.validateResults) checkResult(method, spec.result, result);
      return result;
    } catch (error) {
      // Libraries reject with an error of their own when a signal ends them; the reason is what the client should read.
      const { reason } = span;
      if (reason === undefined || error instanceof ProtocolError) throw error;
      if (!(error instanceof Error && error.name === 'AbortError')) this.#options.report(error, method);
      throw reason;
    }
  }

  #refuseWhileDraining(spec: MethodSpec): void {
    const phase = this.#options.phase();
    if (phase === 'serving' || (phase === 'draining' && spec.admin)) return;
    throw new ProtocolError('DRAINING', 'the daemon finishes its work and takes no more', {
      hint: 'The next daemon takes it; clients try again by themselves.',
      retryable: true,
      retryAfterMs: 100,
    });
  }
}

function specOf(method: string): MethodSpec | undefined {
  return Object.hasOwn(METHODS, method) ? METHODS[method as MethodName] : undefined;
}

/** The time in which a request may be served. */
class Span {
  readonly readsOnly: boolean;
  /** Made when somebody wants to hear it, which few handlers do. */
  #controller: AbortController | undefined;
  #reason: ProtocolError | undefined;
  #onEnd: ((reason: ProtocolError) => void) | undefined;

  constructor(readsOnly: boolean) {
    this.readsOnly = readsOnly;
  }

  /** Why it ended; undefined while it lasts. */
  get reason(): ProtocolError | undefined {
    return this.#reason;
  }

  /** @throws ProtocolError the reason, when it has ended. */
  throwIfEnded(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Called when the span ends before its work; at once when it has ended already. */
  onEnd(listener: (reason: ProtocolError) => void): void {
    this.#onEnd = listener;
    if (this.#reason !== undefined) listener(this.#reason);
  }

  /** The first reason counts. */
  end(reason: ProtocolError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
    this.#onEnd?.(this.#reason);
  }
}

class Context implements RequestContext {
  readonly connection: ClientPort;
  readonly #span: Span;

  constructor(connection: ClientPort, span: Span) {
    this.connection = connection;
    this.#span = span;
  }

  get signal(): AbortSignal {
    return this.#span.signal;
  }
}

function deadlineError(method: string, spec: MethodSpec): ProtocolError {
  return new ProtocolError('DEADLINE', `${method} took longer than ${spec.deadlineMs / 1000} s`, {
    hint: spec.effect === 'op' ? 'It may still take effect; the same opId sent again has effect once.' : '',
    retryable: spec.effect !== 'once',
  });
}

function checkResult(method: string, schema: z.ZodMiniType, result: unknown): void {
  const parsed = safeParse(schema, result);
  if (!parsed.success) {
    throw new TypeError(`the result of ${method} does not match the table: ${JSON.stringify(parsed.error.issues)}`);
  }
}
