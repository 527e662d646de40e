/** File systems that are views into the kernel: what looks like files there are the daemon's own secrets, and switches. */
import { statfsSync } from 'node:fs';

/** proc, sysfs, debugfs, tracefs, securityfs, cgroup, cgroup2, configfs, efivarfs, bpf. */
const TYPES = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x27e0eb, 0x63677270, 0x62656570, 0xde5e81e4, 0xcafe4a11,
]);

/** @param path for system calls; of something that is held open, so that the answer stays true. */
export function isKernelView(path: string): boolean {
  return process.platform === 'linux' && TYPES.has(statfsSync(path).type);
}
