// SPDX-License-Identifier: GPL-3.0-or-later
//
// node build.mjs TARGET: checks the web application's types, and bundles it into the folder TARGET.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const here = path.dirname(new URL(import.meta.url).pathname);
const target = process.argv[2];

execFileSync(path.join(here, 'node_modules', '.bin', 'tsc'), ['--noEmit'], { cwd: here, stdio: 'inherit' });
fs.rmSync(target, { recursive: true, force: true });
fs.cpSync(path.join(here, 'public'), target, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ['src/app.ts', 'src/open.ts'],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'eof',
});
