/** Whether this Node can run m. */
import { ok, type Check } from './finding.ts';

/** A Node that is too old has been refused before this could run. */
export const checkNode: Check = () => [ok('node', `${process.versions.node} at ${process.execPath}`)];
