/** Where what nobody expected goes. */
import { randomBytes } from 'node:crypto';
import { errorShape } from './logging/error-shape.ts';
import type { Log } from './log.ts';

/** Puts what nobody expected into the log. @returns the id that names it there. */
export type Report = (component: string, error: unknown) => string;

export function reporter(log: Log): Report {
  return (component, error) => {
    const traceId = randomBytes(6).toString('hex');
    log.error('unexpected error', { traceId, component, ...errorShape(error) });
    return traceId;
  };
}
