/** Before the first test: the bundle that the tests start is brought up to date, once for all of them. */
export { ensureBuilt as setup } from '../../scripts/ensure-built.ts';
