/** isomorphic-git by name, for whoever imports it late: it is slow to load. */
export { listRefs, readBlob, readCommit, readObject, readTree, resolveRef } from 'isomorphic-git';
