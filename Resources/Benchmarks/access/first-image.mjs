// SPDX-License-Identifier: GPL-3.0-or-later
//
// node first-image.mjs URL [INDEX.HTML]: prints the milliseconds from the address to the first image in the viewport.
// With INDEX.HTML, that file answers for the page itself: a server of plain files does not know OHIF's addresses.

import fs from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.env.CLINIC_BROWSER_MODULES}/`)('playwright-core');
const [, , url, index] = process.argv;
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
});
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
if (index) {
  await page.route(/\/ohif\/viewer/, (route) =>
    route.fulfill({ contentType: 'text/html', body: fs.readFileSync(index, 'utf8') }));
}
const begin = Date.now();
await page.goto(url, { waitUntil: 'commit' });
await page.waitForFunction(
  () => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    if (!canvas?.width) {
      return false;
    }
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let lit = 0;
    for (let i = 0; i < data.length && lit < 1000; i += 4) {
      lit += data[i] > 20 ? 1 : 0;
    }
    return lit >= 1000;
  },
  null,
  { polling: 20, timeout: 120_000 },
);
console.log(Date.now() - begin);
await browser.close();
