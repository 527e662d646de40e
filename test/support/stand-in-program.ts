/** The daemon's program around the stand-in: like daemon/main.ts, with timings and build taken from the test. */
import { readArguments } from '../../daemon/life/arguments.ts';
import { runDaemon } from '../../daemon/life/run-daemon.ts';
import type { Timings } from '../../daemon/life/timings.ts';
import type { Build } from '../../protocol/version.ts';
import { buildStandIn } from './stand-in-daemon.ts';

const { M_TEST_TIMINGS = '{}', M_TEST_BUILD, M_TEST_PROGRAMS, M_LOG_LEVEL } = process.env;
const defaultBuild: Build = { version: '1.0.0', id: 'stand-in', builtAt: 1_000 };

void runDaemon({
  ...readArguments(process.argv.slice(2)),
  programDirectory: M_TEST_PROGRAMS,
  build: M_TEST_BUILD === undefined ? defaultBuild : (JSON.parse(M_TEST_BUILD) as Build),
  logLevel: M_LOG_LEVEL,
  loadBuildDaemon: async () => buildStandIn,
  timings: JSON.parse(M_TEST_TIMINGS) as Partial<Timings>,
});
