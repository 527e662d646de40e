/** The process that watches, without the library. */
import { serve } from '../../../../../daemon/workspace/watch/stream/serve.ts';

serve(() => Promise.reject(Object.assign(new Error('not here'), { code: 'MODULE_NOT_FOUND' })));
