import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { DEFAULT_PORT } from '../identity.ts';

const WAIT_MS = 1_000;

/** Whether somebody listens on the port of the units at an address that is not one of this machine's. */
export function answersAt(address: string, own: string): Promise<boolean> {
  const here = Object.values(networkInterfaces()).flatMap(all => all?.map(each => each.address) ?? []);
  if (address === own || here.includes(address)) return Promise.resolve(false);
  return new Promise(resolve => {
    const socket = connect({ host: address, port: DEFAULT_PORT, timeout: WAIT_MS });
    const end = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
