import { spawn } from 'node:child_process';

/** Tell systemd that the unit serves, or stops. Node has no datagram sockets of that kind, so its own tool does it. */
export function notifySystemd(state: 'READY=1' | 'STOPPING=1'): void {
  if (process.env.NOTIFY_SOCKET === undefined) return;
  const told = spawn('systemd-notify', [`--pid=${process.pid}`, state], { stdio: 'ignore' });
  told.on('error', () => undefined).unref(); // it waits for systemd's answer; the unit does not
}
