/** What a check of `mctl doctor` has found. */
import type { DaemonStatus } from '../../../protocol/admin.ts';
import type { Locations } from '../../connection/locations.ts';
import type { MctlContext } from '../context.ts';
import type { System } from './system.ts';

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `note`: worth knowing, nothing to mend. */
  readonly state: 'ok' | 'note' | 'broken';
  readonly message: string;
  /** What to do about it; empty when there is nothing. */
  readonly fix: string;
  /** Set when this could not be looked at, whatever else is in order. */
  readonly unseen?: true;
}

/** What is known before the checks begin. */
export interface Patient {
  readonly context: MctlContext;
  readonly locations: Locations;
  readonly system: System;
  /** Undefined when no daemon runs, or when it does not answer. */
  readonly daemon: DaemonStatus | undefined;
  /** Why it does not answer. */
  readonly silence: unknown;
}

/** One check. It never rejects for what it looks for. */
export type Check = (patient: Patient) => Promise<Finding[]> | Finding[];

export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message, fix: '' };
}

export function note(check: string, message: string, fix = ''): Finding {
  return { check, state: 'note', message, fix };
}

/** Nothing to mend, and nothing known either. */
export function unseen(check: string, message: string, fix = ''): Finding {
  return { check, state: 'note', message, fix, unseen: true };
}

export function broken(check: string, message: string, fix: string): Finding {
  return { check, state: 'broken', message, fix };
}
