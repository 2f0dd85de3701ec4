/** A wire that takes its time: `node slow-wire.mjs ADDRESS PORT TO MS` hands on from port to port, each way so many ms later. */
import { connect, createServer } from 'node:net';

const [host, port, farPort, ms] = process.argv.slice(2);

function handOn(from, to) {
  from.on('data', bytes => setTimeout(() => to.writable && to.write(bytes), Number(ms)));
  from.on('close', () => to.destroy());
  from.on('error', () => to.destroy());
}

createServer(near => {
  const far = connect({ host, port: Number(farPort) });
  handOn(near, far);
  handOn(far, near);
}).listen(Number(port), host, () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => process.exit());
