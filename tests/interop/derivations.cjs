// SPDX-License-Identifier: BSL-1.0
// Prints the keys that the npm package advisory-lock gives to names. Input and output as in derivations.rb; the names are
// UTF-8. The second argument is the directory that has node_modules.
const fs = require('fs');
const path = require('path');
const { strToKey } = require(path.join(process.argv[3], 'node_modules', 'advisory-lock'));

const lines = fs.readFileSync(process.argv[2], 'ascii').split('\n').slice(0, -1);
const keys = lines.map((line) => strToKey(Buffer.from(line, 'hex').toString('utf8')).join(', '));
process.stdout.write(['advisory_lock_js', ...keys, ''].join('\n'));
