#!/usr/bin/env node
// Everything else is newer than an old Node.js can read, so this file is as old as the oldest that may come across it.
const needed = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `lockstep: This is Node.js ${process.versions.node}; Lockstep needs ${needed.join('.')} or newer.\n` +
      'hint: node --version says which one is found first; nodejs.org and the backports of Debian have newer ones.\n',
  );
  process.exitCode = 2;
} else {
  import('./lockstep.js').catch(error => {
    process.stderr.write(`lockstep: ${error.stack}\n`);
    process.exitCode = 5;
  });
}
