export { printable } from '../schema/printable.ts';
