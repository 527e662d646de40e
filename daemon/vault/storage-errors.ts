/** Tells failures of the disk from everything else, and all of them for a person. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { CallError } from './calls.ts';
import { TamperError } from './cipher.ts';

const STORAGE_CODES = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|BUSY|LOCKED|PROTOCOL|NOMEM)/;

/** The SQLite code of a failure that puts a whole transaction in doubt; undefined for anything else. */
export function storageCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return STORAGE_CODES.test(code) ? code : undefined;
}

/** What a caller is told of any error in the vault. */
export function toCallError(error: unknown): CallError {
  const expected = toProtocolError(error);
  if (expected !== undefined) {
    const { kind, message, hint, retryable } = expected;
    return { kind, message, hint, retryable };
  }
  const stack =
    error instanceof Error ? `${error.name}\n${(error.stack ?? '').split('\n').slice(1).join('\n')}` : typeof error;
  return { kind: 'INTERNAL', message: 'internal error in the store', hint: '', retryable: false, stack };
}

function toProtocolError(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (error instanceof TamperError) {
    return new ProtocolError('TAMPERED', `stored data does not verify: ${error.message}`, {
      hint: '`mctl sessions verify <id>` lists what is damaged. Everything else stays readable.',
    });
  }
  const code = storageCode(error);
  if (code === undefined) return undefined;
  if (code === 'SQLITE_FULL') {
    return new ProtocolError('STORAGE_FULL', 'not saved: the disk is full', {
      hint: 'Free some space; saving is tried again by itself.',
      retryable: true,
    });
  }
  return new ProtocolError('STORAGE_FAILED', `not saved: ${explain(code)}`, {
    hint: 'See `mctl doctor`; saving is tried again by itself.',
    retryable: true,
  });
}

function explain(code: string): string {
  if (code.startsWith('SQLITE_IOERR')) return `the disk reported an error (${code})`;
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN'))
    return `the store cannot be written (${code})`;
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return `the store is damaged (${code})`;
  return `the store cannot be used now (${code})`;
}
