/** How long commands take, and how much they say, at most. */

/** Characters (UTF-16 units) of output that a model is shown. */
export const MAX_OUTPUT = 30_000;
/** Bytes of the whole output of a call that are kept. */
export const MAX_KEPT = 64 * 1024 * 1024;
export const MAX_STRETCH = 64 * 1024;
/** Characters of a background command's output that are in memory, the newest. */
export const MAX_RECENT = 1024 * 1024;

export const LIVE_INTERVAL_MS = 100;
export const MAX_LIVE = 8 * 1024;

export const DEFAULT_TIMEOUT_S = 120;
export const MAX_TIMEOUT_S = 3600;
/** Less than the tools thread gives a call that runs no command. */
export const MAX_WAIT_S = 240;

/** The kernel takes no longer argument than 128 KiB. */
export const MAX_COMMAND_BYTES = 100_000;

/** Commands of one session in the background at the same time. */
export const MAX_PER_SESSION = 16;
/** Commands that have ended and can still be read, of one session. */
export const MAX_ENDED = 16;
export const REMEMBER_ENDED_MS = 30 * 60_000;

/** Between asking a process to end and ending it. */
export const GRACE_MS = 2_000;
/** For ending everything that a command started, the grace included. */
export const END_MS = 10_000;
/** How long output may be silent, after the shell has ended, before what still holds it is ended. */
export const DRAIN_MS = 200;
/** The same after everything that was found has been ended. */
export const LAST_DRAIN_MS = 500;
/** For a stretch of output to be kept, once the command has ended. */
export const KEEP_MS = 5_000;
