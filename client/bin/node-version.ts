/** Refuses a Node that is too old to run the rest, in words; the rest would end in a syntax error or a crash. */

const MAJOR = 22;
const MINOR = 19;

/**
 * Ends the process with code 69 when this Node is too old.
 * @param program its name, for the message.
 */
export function requireNode(program: string): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return;
  process.stderr.write(
    `${program}: Node ${MAJOR}.${MINOR} or newer is needed; this is ${process.versions.node} (${process.execPath}).\n` +
      `  Install a current one from https://nodejs.org, or put it first on the PATH, and run ${program} again.\n`,
  );
  process.exit(69);
}
