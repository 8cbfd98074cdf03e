#!/usr/bin/env node
/**
 * prebuildify knows only node-gyp's command line, but runs any program given as --node-gyp. This one takes the same arguments, of which only
 * --arch matters (Node-API has no targets), and builds with cmake-js into ./build/Release, where prebuildify looks.
 */
'use strict';
const { spawnSync } = require('node:child_process');
const path = require('node:path');

/** Debian's cross compilers by Node's name of the architecture: CMAKE_SYSTEM_PROCESSOR and the GNU triple. */
const CROSS = {
  x64: ['x86_64', 'x86_64-linux-gnu'],
  arm64: ['aarch64', 'aarch64-linux-gnu'],
  arm: ['armv7', 'arm-linux-gnueabihf'],
};

const given = process.argv.find((argument) => argument.startsWith('--arch='));
const arch = given === undefined ? process.arch : given.slice('--arch='.length);
const cross = [];
if (arch !== process.arch) {
  const known = CROSS[arch];
  if (known === undefined) {
    console.error(`no cross compiler is known for ${arch}`);
    process.exit(2);
  }
  const [processor, triple] = known;
  cross.push(
    '--CDCMAKE_SYSTEM_NAME=Linux',
    `--CDCMAKE_SYSTEM_PROCESSOR=${processor}`,
    `--CDCMAKE_CXX_COMPILER=${triple}-g++`,
    '--arch',
    arch,
  );
}
const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin/cmake-js');
const native = path.join(__dirname, '..', 'native');
const options = ['rebuild', '-d', native, '-O', path.resolve('build'), '--log-level', 'error', ...cross];
const result = spawnSync(process.execPath, [cmakeJs, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
if (result.error !== undefined) console.error(result.error.message);
process.exit(result.status ?? 1);
