/** pino by name: imported late from a bundle, a CommonJS package has nothing but a default export. */
export { pino } from 'pino';
