/** Tells failures of the disk from everything else, and all of them for a person. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { CallError } from './calls.ts';
import { TamperError } from './cipher.ts';

const STORAGE_CODES = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|BUSY|LOCKED|PROTOCOL|NOMEM)/;
/** What the file system itself says of the directory, the key file and the files that are made before SQLite opens them. */
const SYSTEM_CODES = /^E(NOSPC|DQUOT|IO|ROFS|ACCES|PERM|MFILE|NFILE|NOENT|NOTDIR|LOOP|FBIG|BUSY|XIO)$/;
const FULL_CODES = /^(SQLITE_FULL|ENOSPC|EDQUOT)$/;
/** After these the connection is what it was, and what failed has not happened. */
const CERTAIN_CODES = /^(SQLITE_(FULL|READONLY|CORRUPT|NOTADB|BUSY|LOCKED|NOMEM)|E[A-Z]+$)/;

/** The code of a failure of the disk; undefined for anything else. */
export function storageCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = String(error.code);
  if (STORAGE_CODES.test(code)) return code;
  return 'syscall' in error && SYSTEM_CODES.test(code) ? code : undefined;
}

/**
 * Whether a failure leaves open what is on the disk, so that the connection cannot be used any more: a write or fsync that
 * the device refused, or a file that could not be opened in the middle.
 */
export function leavesDoubt(error: unknown): boolean {
  const code = storageCode(error);
  return code !== undefined && !CERTAIN_CODES.test(code);
}

/** What was being done when the disk failed, and whether it has no room left. */
interface Circumstances {
  readonly work: keyof typeof CONSEQUENCES;
  readonly full: boolean;
}

/** What a failure means for whoever waits, by what was being done. */
const CONSEQUENCES = {
  read: 'cannot be read',
  write: 'not saved',
  erased: 'deleted, but what is left of it on the disk could not be removed yet',
} as const;

/** What a caller is told of any error in the vault. */
export function toCallError(error: unknown, circumstances: Circumstances = { work: 'write', full: false }): CallError {
  const expected = toProtocolError(error, circumstances);
  if (expected !== undefined) {
    const { kind, message, hint, retryable } = expected;
    return { kind, message, hint, retryable };
  }
  const stack =
    error instanceof Error ? `${error.name}\n${(error.stack ?? '').split('\n').slice(1).join('\n')}` : typeof error;
  return { kind: 'INTERNAL', message: 'internal error in the store', hint: '', retryable: false, stack };
}

function toProtocolError(error: unknown, circumstances: Circumstances): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (error instanceof TamperError) {
    return new ProtocolError('TAMPERED', `stored data does not verify: ${error.message}`, {
      hint: '`mctl sessions verify <id>` lists what is damaged. Everything else stays readable.',
    });
  }
  const code = storageCode(error);
  return code === undefined ? undefined : storageError(code, circumstances);
}

function storageError(code: string, { work, full }: Circumstances): ProtocolError {
  const failed = CONSEQUENCES[work];
  if (isDamage(code)) {
    return new ProtocolError('STORAGE_FAILED', `${failed}: the store is damaged (${code})`, {
      hint: 'Stop the daemon (`mctl daemon stop`) and keep a copy of the directory `store` before anything else.',
    });
  }
  if (FULL_CODES.test(code) || full) {
    return new ProtocolError('STORAGE_FULL', `${failed}: the disk is full`, {
      hint: 'Free some space; a turn that waits for it goes on by itself.',
      retryable: true,
    });
  }
  return new ProtocolError('STORAGE_FAILED', `${failed}: ${explain(code)}`, {
    hint: 'See `mctl doctor`; a turn that waits for it goes on by itself.',
    retryable: true,
  });
}

function isDamage(code: string): boolean {
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

function explain(code: string): string {
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO' || code === 'ENXIO') {
    return `the disk reported an error (${code})`;
  }
  if (/^(SQLITE_READONLY|EROFS|EACCES|EPERM)/.test(code)) return `the store cannot be written (${code})`;
  if (/^(SQLITE_CANTOPEN|ENOENT|ENOTDIR|ELOOP)/.test(code)) return `the store cannot be opened (${code})`;
  if (/^(SQLITE_BUSY|SQLITE_LOCKED)/.test(code)) return `another program has the store open (${code})`;
  return `the store cannot be used now (${code})`;
}
