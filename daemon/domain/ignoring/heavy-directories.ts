/**
 * Directories that are left out where nobody has said anything: what tools install or compute, by the thousand files, and
 * make again. Only names that nothing else has; `dist`, `build` and `vendor` are also what people write.
 */
const HEAVY = new Set([
  'node_modules',
  'bower_components',
  '.venv',
  '__pycache__',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.gradle',
  '.terraform',
]);
/** What makes a `target` beside it the output of a build. */
const TARGET_MAKERS = ['Cargo.toml', 'pom.xml'];

/** @param hasSibling whether the directory that it is in holds something of that name. */
export function isHeavy(name: string, hasSibling: (name: string) => boolean): boolean {
  return HEAVY.has(name) || (name === 'target' && TARGET_MAKERS.some(hasSibling));
}
