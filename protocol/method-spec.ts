/** What a row of the table of methods says. */
import type * as z from 'zod/mini';
import type { ErrorKind } from './errors.ts';

/** One row. */
export interface MethodSpec<P extends z.ZodMiniType = z.ZodMiniType, R extends z.ZodMiniType = z.ZodMiniType> {
  readonly params: P;
  readonly result: R;
  /** One sentence for docs/PROTOCOL.md. */
  readonly summary: string;
  /** Kinds a client should be ready for, besides those that every method can give. */
  readonly errors: readonly ErrorKind[];
  /** `read` changes nothing; `op` carries an `opId`; `set` has the same effect when repeated; `once` must not be repeated. */
  readonly effect: 'read' | 'op' | 'set' | 'once';
  /** Key states in which it works: with the store readable, or in any. */
  readonly needsKey: boolean;
  /** For the admin CLI: still served while the daemon drains. */
  readonly admin: boolean;
  /** Deadline in the daemon, in milliseconds. */
  readonly deadlineMs: number;
}

const QUICK = 10_000;

type Traits = Omit<MethodSpec, 'params' | 'result' | 'deadlineMs' | 'needsKey' | 'admin'> &
  Partial<Pick<MethodSpec, 'deadlineMs' | 'needsKey' | 'admin'>>;

/** A row with the usual traits, unless it says otherwise: needs the key, not for the admin CLI, ten seconds. */
export function method<P extends z.ZodMiniType, R extends z.ZodMiniType>(
  params: P,
  result: R,
  traits: Traits,
): MethodSpec<P, R> {
  return { deadlineMs: QUICK, needsKey: true, admin: false, ...traits, params, result };
}
