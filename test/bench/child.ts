/** One role of a measurement in a process or thread of its own: `node child.ts <role> [arguments]`. */
import { isMainThread, workerData } from 'node:worker_threads';

const [role = '', ...args] = isMainThread ? process.argv.slice(2) : (workerData as string[]);

switch (role) {
  case 'bare-worker':
    (await import('./roles/bare-worker.ts')).serve(args[0] ?? '');
    break;
  case 'bare-server':
    (await import('./roles/bare-server.ts')).serve(args[0] ?? '', args[1] ?? '');
    break;
  case 'echo-server':
    (await import('./roles/echo-server.ts')).serve(args[0] ?? '');
    break;
  case 'writers':
    await (await import('./roles/writers.ts')).write(args);
    break;
  case 'subscribers':
    await (await import('./roles/subscribers.ts')).subscribe(args);
    break;
  case 'metronome':
    (await import('./roles/metronome.ts')).beat(args[0] ?? '');
    break;
  case 'first-list':
    await (await import('./roles/first-list.ts')).measure(args[0] ?? '', Number(args[1]));
    break;
  case 'snapshots':
    await (await import('./roles/snapshots.ts')).keep(args);
    break;
  case 'stream-scans':
    await (await import('./roles/stream-scans.ts')).scan(args);
    break;
  default:
    throw new Error(`no role ${role}`);
}
