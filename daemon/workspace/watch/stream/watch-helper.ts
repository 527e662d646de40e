/**
 * Watches one workspace in a process of its own: the library cannot be loaded into two threads, and takes the process with
 * it when its thread ends. Knows nothing but two paths, and ends with whoever started it.
 */
import { serve } from './serve.ts';

serve(() => import('@parcel/watcher'));
