/** Refuses a Node that is too old: the native modules would end it without a word. */

const MAJOR = 22;
const MINOR = 19;

/** Ends the process with code 69 when this Node is too old. */
export function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return;
  process.stderr.write(
    `m daemon: Node ${MAJOR}.${MINOR} or newer is needed; this is ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exit(69);
}
