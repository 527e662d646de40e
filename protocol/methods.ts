/** THE table of methods: everything a client can ask of the daemon. */
import type * as z from 'zod/mini';
import { PROCESS_METHODS } from './process-methods.ts';
import { SESSION_METHODS } from './session-methods.ts';
import { SNAPSHOT_METHODS } from './snapshot-methods.ts';
import { WORK_METHODS } from './work-methods.ts';

export const METHODS = { ...PROCESS_METHODS, ...SESSION_METHODS, ...WORK_METHODS, ...SNAPSHOT_METHODS } as const;

export type MethodTable = typeof METHODS;
export type MethodName = keyof MethodTable;
export type ParamsOf<M extends MethodName> = z.infer<MethodTable[M]['params']>;
export type ResultOf<M extends MethodName> = z.infer<MethodTable[M]['result']>;
