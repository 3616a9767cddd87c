// SPDX-License-Identifier: GPL-3.0-or-later
//
// node fetch.mjs TARGET: puts OHIF, made to live at /ohif/, into the folder TARGET.
//
// Only the package itself is fetched, of the version and hash in package-lock.json: its `dist` is complete, and
// what it was built from (hundreds of packages) is not needed. Left out are the service worker (it names a CDN),
// the runtime of a segmentation model, source maps, and what belongs to other hosts.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const target = process.argv[2];
const lock = JSON.parse(fs.readFileSync(path.join(here, 'package-lock.json'), 'utf8')).packages['node_modules/@ohif/app'];

const leftOut = /^(init-service-worker\.js|sw\.js|ort\/.*|google\.js|silent-refresh\.html|oidc-client\.min\.js|serve\.json|_headers|_redirects|app-config\.js|.*\.map)$/;
const compressible = /\.(js|css|html|json|svg|wasm|xml)$/;

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'ohif-'));
try {
  const output = execFileSync('npm', ['pack', '--json', `@ohif/app@${lock.version}`], { cwd: work, encoding: 'utf8' });
  const [packed] = JSON.parse(output);
  if (packed.integrity !== lock.integrity) {
    throw new Error(`The package has the hash ${packed.integrity}, and not that of package-lock.json`);
  }
  const archive = fs.readdirSync(work).find((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', archive], { cwd: work });
  fs.rmSync(target, { recursive: true, force: true });
  const dist = path.join(work, 'package', 'dist');
  for (const name of fs.readdirSync(dist, { recursive: true })) {
    const from = path.join(dist, name);
    if (leftOut.test(name) || !fs.statSync(from).isFile()) {
      continue;
    }
    write(name, rebase(name, fs.readFileSync(from)));
  }
  write('app-config.js', fs.readFileSync(path.join(here, 'app-config.js')));
  fs.copyFileSync(path.join(work, 'package', 'LICENSE'), path.join(target, 'LICENSE.txt'));
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}

// With a compressed copy beside it, if that is worth it.
function write(name, content) {
  const to = path.join(target, name);
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.writeFileSync(to, content);
  if (compressible.test(name) && content.length > 1024) {
    fs.writeFileSync(`${to}.gz`, zlib.gzipSync(content, { level: 6 }));
  }
}

// From / to /ohif/.
function rebase(name, content) {
  if (name === 'index.html') {
    // Scripts in the page are forbidden by its policy: what they did, app-config.js does.
    return content
      .toString('utf8')
      .replaceAll(/ (href|src|content)="\/(?!\/)/g, ' $1="/ohif/')
      .replaceAll(/<script>[\s\S]*?<\/script>/g, '')
      .replaceAll(/<script[^>]*init-service-worker\.js[^>]*><\/script>/g, '');
  }
  if (name.endsWith('.css')) {
    return content.toString('utf8').replaceAll('url(/', 'url(/ohif/');
  }
  if (name.endsWith('.js')) {
    return content.toString('utf8').replaceAll('__webpack_require__.p = "/"', '__webpack_require__.p = "/ohif/"');
  }
  if (name === 'manifest.json') {
    return content.toString('utf8').replaceAll('"/', '"/ohif/');
  }
  return content;
}
