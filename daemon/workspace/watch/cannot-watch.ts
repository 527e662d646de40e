/** Why a workspace cannot be watched, in words that say what helps. */

/** The workspace cannot be watched, and trying again would not help. */
export class CannotWatch extends Error {
  override readonly name = 'CannotWatch';
}

/** @returns undefined for an error that says nothing about other directories. */
export function cannotWatch(error: unknown): CannotWatch | undefined {
  if (error instanceof CannotWatch) return error;
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'ENOSPC':
      return noneLeft('watches left (ENOSPC)', 'fs.inotify.max_user_watches');
    case 'EMFILE':
    case 'ENFILE':
      return noneLeft('descriptors for watching left', 'fs.inotify.max_user_instances');
    default:
      return undefined;
  }
}

export function overBudget(budget: number): CannotWatch {
  return new CannotWatch(
    `more than ${budget} directories would have to be watched, and m takes at most half of the watches of a user; ` +
      'raise fs.inotify.max_user_watches to watch them',
  );
}

function noneLeft(what: string, setting: string): CannotWatch {
  return new CannotWatch(`the user has no ${what}; close a program that watches many files, or raise ${setting}`);
}
