// SPDX-License-Identifier: BSL-1.0
// A Node process that takes locks through the npm package advisory-lock, as told line by line.
//
//   advisory_lock_peer.cjs DIRECTORY CONNECTION-URI
//
// DIRECTORY has node_modules. Commands, one a line, with their answers: `lock NAME` held, `try NAME` held or refused,
// `unlock` released; NAME is the rest of the line. The end of the input ends the process, and with it its locks.
const path = require('path');
const readline = require('readline');
const advisoryLock = require(path.join(process.argv[2], 'node_modules', 'advisory-lock')).default;

const createMutex = advisoryLock(process.argv[3]);
let unlock;

async function obey(line) {
    const [command, ...words] = line.split(' ');
    if (command === 'unlock') {
        await unlock();
        return 'released';
    }
    const mutex = createMutex(words.join(' '));
    unlock = await (command === 'try' ? mutex.tryLock() : mutex.lock());
    return unlock ? 'held' : 'refused';
}

const commands = readline.createInterface({ input: process.stdin });
commands.on('line', (line) => {
    obey(line).then(console.log, (error) => console.log(`error ${error.message}`));
});
commands.on('close', () => process.exit());
