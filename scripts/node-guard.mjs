/** Loaded before every script of the repository: an old Node gets a sentence instead of a syntax error. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `m needs Node 22.19 or newer to build and test; this is Node ${process.versions.node} (${process.execPath}).\n` +
      'Run `npm ci` (without --ignore-scripts): it installs a suitable Node for every npm script of this repository.\n',
  );
  process.exit(69);
}
