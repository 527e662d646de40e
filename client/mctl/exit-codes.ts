/** The text of `mctl help exit-codes`. */

export const EXIT_CODES_TEXT = `Exit codes of m, m run and mctl:

    0  done; also daemon status when none runs
    1  a turn failed, or something went wrong; doctor found something broken;
       a file could not be restored
    2  the command line cannot be understood, or an id fits more than one session
    3  there is no such session, save, turn or setting
    4  the key of the store or of a provider is missing, or a directory is not safe
    5  the state does not allow it: a session at work, saves that would be lost, a file that exists;
       a file that a restore left because you changed it after the session
   69  the daemon cannot be reached or started
   75  the prompt waits in the daemon, or its turn was interrupted
  130  cancelled with Ctrl+C, or answered with no`;
