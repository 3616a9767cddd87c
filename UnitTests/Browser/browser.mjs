// SPDX-License-Identifier: GPL-3.0-or-later
//
// node browser.mjs SCENARIO JSON: one walk through the pages in a real Chromium. Ends with 0 if all was as it should
// be; else says what was not. JSON has `url` (of the server) and what the scenario needs.
//
// CLINIC_BROWSER_MODULES is the folder where playwright-core is installed, CLINIC_BROWSER_SHOTS one for pictures of
// what was seen at the end, if they are wanted.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import zlib from 'node:zlib';

const { chromium } = createRequire(`${process.env.CLINIC_BROWSER_MODULES}/`)('playwright-core');
const [, , scenario, text] = process.argv;
const given = JSON.parse(text);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  // There is no graphics card where tests run.
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
});

// A page that notes what must not happen: scripts that fail, dialogs, requests to anywhere else.
async function newPage(options = {}) {
  const context = options.context ?? (await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options }));
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.noted = [];
  page.on('pageerror', (error) => page.noted.push(`script: ${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) {
      page.noted.push(`console: ${message.text()}`);
    }
  });
  page.on('dialog', (dialog) => {
    page.noted.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${given.url}/`) && !/^(blob|data):/.test(request.url())) {
      page.noted.push(`elsewhere: ${request.url()}`);
    }
  });
  last = page;
  return page;
}
let last;

const viewport = (page, index = 0) => page.locator('canvas.cornerstone-canvas').nth(index);

// How many different greys a viewport shows, and how many of its points are not black.
async function pixels(page, index = 0) {
  return await viewport(page, index).evaluate((canvas) => {
    if (canvas.width === 0 || canvas.height === 0) {
      return { greys: 0, lit: 0 }; // it has no place yet, and no data that could be read
    }
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const greys = new Set();
    let lit = 0;
    for (let i = 0; i < data.length; i += 4) {
      greys.add(data[i]);
      lit += data[i] > 20 ? 1 : 0;
    }
    return { greys: greys.size, lit };
  });
}

async function until(condition, what, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function seesAnImage(page, index = 0) {
  await viewport(page, index).waitFor({ timeout: 60_000 });
  await until(async () => {
    const { greys, lit } = await pixels(page, index);
    return greys > 20 && lit > 1000;
  }, `an image in viewport ${index}`);
}

async function openLink(page, link) {
  await page.goto(link);
  await page.waitForURL(/\/ohif\/viewer/);
  await seesAnImage(page);
}

async function signIn(page, user, password) {
  await page.goto(`${given.url}/clinic`);
  await page.locator('input[name=username]').fill(user);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
}

async function drawLength(page) {
  await page.locator('[data-cy="MeasurementTools-split-button-primary"]').click();
  const box = await viewport(page).boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.4);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.5, { steps: 5 });
  await page.mouse.up();
}

// A report opens by a double click. OHIF draws what it says when it draws the viewport the next time, which on a slow
// machine may have been before: another size makes it draw.
async function opensReport(page, name, seen) {
  await page.getByText(name).first().dblclick();
  let width = 1400;
  await until(async () => {
    width = width === 1400 ? 1380 : 1400;
    await page.setViewportSize({ width, height: 900 });
    return await seen.first().waitFor({ state: 'attached', timeout: 3000 }).then(() => true, () => false);
  }, `what the report "${name}" says`, 60);
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}

// The files in a ZIP archive (APPNOTE.TXT 4.3), deflated.
function archive(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const file of files) {
    const name = Buffer.from(path.basename(file));
    const bytes = fs.readFileSync(file);
    const packed = zlib.deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    parts.push(Buffer.from('PK\x03\x04'), common, name, packed);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common, place, name);
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(18);
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

const scenarios = {
  // A link opens its study: real pixels, and the secret is nowhere to be seen afterwards.
  async link() {
    const page = await newPage();
    await openLink(page, given.link);
    assert.ok(!page.url().includes(given.link.split('#')[1]), 'the address bar has the secret');
    const cookies = (await page.context().cookies(`${given.url}/viewer/`)).filter(({ name }) => name.startsWith('clinic_'));
    assert.deepEqual(cookies.map((cookie) => [cookie.httpOnly, cookie.sameSite]), [[true, 'Strict']]);
    assert.ok(!(await page.evaluate(() => document.cookie)).includes('clinic_'), 'a script can read the cookie');
    assert.deepEqual(page.noted, []);

    // Another study does not open in the same browser.
    const other = await newPage({ context: page.context() });
    await other.goto(`${given.url}/ohif/viewer?StudyInstanceUIDs=${given.otherStudy}`);
    await other.waitForTimeout(4000);
    assert.equal(await other.locator('canvas.cornerstone-canvas').count(), 0);
  },

  async scroll() {
    const page = await newPage();
    await openLink(page, given.link);
    const first = await pixels(page);
    for (let i = 1; i < 5; i++) {
      await page.keyboard.press('ArrowDown');
      await page.getByText(`(${i + 1}/${given.images})`).first().waitFor();
    }
    await until(async () => JSON.stringify(await pixels(page)) !== JSON.stringify(first), 'another image');
    assert.deepEqual(page.noted, []);
  },

  // OHIF's parts may come in any order: one that runs after its script element did cannot ask for that element.
  async lateParts() {
    const page = await newPage();
    await page.addInitScript(() => Object.defineProperty(Document.prototype, 'currentScript', { get: () => null }));
    await openLink(page, given.link);
    assert.deepEqual(page.noted, []);
  },

  async mpr() {
    const page = await newPage();
    await openLink(page, given.link);
    await page.goto(`${page.url()}&hangingprotocolId=mpr`);
    await until(async () => (await page.locator('canvas.cornerstone-canvas').count()) === 3, 'three viewports');
    for (const index of [0, 1, 2]) {
      await seesAnImage(page, index);
    }
  },

  async compare() {
    const page = await newPage();
    await openLink(page, given.link);
    await until(async () => (await page.locator('canvas.cornerstone-canvas').count()) >= 2, 'two viewports');
    await seesAnImage(page, 0);
    await seesAnImage(page, 1);
  },

  // What is measured is stored, and is there when the study is opened again.
  async measure() {
    const page = await newPage();
    await openLink(page, given.link);
    await drawLength(page);
    await page.locator('[data-cy="prompt-begin-tracking-yes-btn"]').click();
    const panel = page.getByText('Measurements (1)');
    if ((await panel.count()) === 0) {
      await page.locator('[data-cy="trackedMeasurements-btn"]').click();
    }
    await panel.waitFor();
    await page.getByText('Create SR').click();
    await page.locator('[data-cy="dialog-input"]').fill('Width of the canal');
    const stored = page.waitForResponse((answer) => answer.request().method() === 'POST');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    assert.equal((await stored).status(), 200);

    const again = await newPage();
    await openLink(again, given.link);
    await opensReport(again, 'Width of the canal', again.locator('svg text', { hasText: / mm/ }));
  },

  // What software found is a report in the study: OHIF lists it and shows what it says.
  async report() {
    const page = await newPage();
    await openLink(page, given.link);
    await opensReport(page, given.report, page.locator('.cornerstone-viewport-element svg').locator('path, line, polyline, rect, polygon'));
    await seesAnImage(page);
    assert.deepEqual(page.noted, []);
  },

  // Links that are no longer, or never were: a page that a person understands, and no image.
  async refused() {
    for (const { link, says } of given.refused) {
      const page = await newPage({ locale: 'fr-CA' });
      await page.goto(link);
      await page.getByText(says).waitFor();
      assert.ok(!page.url().includes('#'), 'the address bar has the secret');
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
      await page.goto(`${given.url}/ohif/viewer?StudyInstanceUIDs=${given.study}`);
      await page.waitForTimeout(3000);
      assert.equal(await page.locator('canvas.cornerstone-canvas').count(), 0);
      await page.context().close();
    }
  },

  // Each role signs in; who may see studies sees those of their practice, and only as text.
  async roles() {
    for (const { user, password, sees } of given.users) {
      const page = await newPage({ locale: 'en-CA' });
      await signIn(page, user, password);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      if (sees) {
        await page.getByText(given.patient).first().waitFor();
        assert.equal(await page.getByText(given.foreignPatient).count(), 0, 'a patient of another practice');
        await page.getByRole('link', { name: 'View images' }).first().click();
        await page.waitForURL(/\/ohif\/viewer/);
        await seesAnImage(page);
      } else {
        await page.getByText('You may not see studies.').waitFor();
      }
      assert.deepEqual(page.noted, [], user);
      await page.context().close();
    }
  },

  async wrongPassword() {
    const page = await newPage({ locale: 'es-ES' });
    await signIn(page, given.user, 'a wrong password');
    await page.getByRole('alert').getByText('no es correcto').waitFor();
    await page.locator('input[name=password]').fill(given.password);
    await page.locator('button[type=submit]').click();
    await page.getByRole('button', { name: 'Cerrar sesión' }).waitFor();
  },

  // After the log-out, neither the list nor a viewer that is still open gets anything.
  async signOut() {
    const page = await newPage({ locale: 'en-CA' });
    await signIn(page, given.user, given.password);
    await page.getByRole('link', { name: 'View images' }).first().waitFor();
    const viewer = await newPage({ context: page.context() });
    await viewer.goto(`${given.url}/ohif/viewer?StudyInstanceUIDs=${given.study}`);
    await seesAnImage(viewer);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('input[name=password]').waitFor();
    await page.reload();
    await page.locator('input[name=password]').waitFor();
    assert.equal(await page.getByText(given.patient).count(), 0);
    await viewer.reload();
    await viewer.waitForTimeout(4000);
    assert.equal(await viewer.locator('canvas.cornerstone-canvas').count(), 0);
    for (const path of [`/viewer/dicom-web/studies/${given.study}/series`, '/viewer/dicom-web/studies', '/api/v1/studies', '/system']) {
      const status = await page.evaluate(async (url) => (await fetch(url)).status, path);
      assert.ok([401, 403, 404].includes(status), `${path}: ${status}`);
    }
  },

  // A technician drops good and bad files, corrects the number, sends, and sees under whom they were filed.
  async upload() {
    const page = await newPage({ locale: 'en-CA' });
    await signIn(page, given.user, given.password);
    await page.getByRole('link', { name: 'Send images' }).click();
    const files = given.files.map((file) => ({ name: path.basename(file), bytes: fs.readFileSync(file).toString('base64') }));
    const transfer = await page.evaluateHandle((dropped) => {
      const data = new DataTransfer();
      for (const { name, bytes } of dropped) {
        data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
      }
      return data;
    }, files);
    await page.locator('.drop').dispatchEvent('drop', { dataTransfer: transfer });

    await page.getByText('4 images · 1 patient · 2 files will not be sent').waitFor();
    await page.getByText('readme.txt: This is no DICOM file').waitFor();
    await page.getByText('cut.dcm: The file is cut off').waitFor();
    await page.getByRole('heading', { name: `Roy, Anne · ${given.wrongId} · 1985-01-01` }).waitFor();
    await page.getByRole('searchbox').fill('Roy');
    await page.keyboard.press('Enter');
    await page.getByRole('radio', { name: 'Roy, Anne · 1985-01-01 · 4711' }).check();
    await page.getByText('another number than this patient’s 4711').waitFor();
    await page.getByRole('button', { name: 'Take this patient’s number and name' }).click();
    assert.equal(await page.locator('input[name=PatientID]').inputValue(), '4711');
    assert.equal(await page.getByRole('row', { name: /PatientID/ }).getByRole('cell').first().textContent(), given.wrongId);
    await page.getByLabel('Order').selectOption({ label: given.order });
    await page.getByRole('button', { name: 'Take it' }).click();
    assert.equal(await page.locator('input[name=AccessionNumber]').inputValue(), given.accession);
    await page.getByRole('button', { name: /^Send 1 study \(4 images/ }).click();

    await page.getByText('3 of 4 files sent · 1 file failed').waitFor();
    await page.getByText('Filed under Roy, Anne (4711).').waitFor();
    await page.getByText('Linked to its order.').waitFor();
    await page.locator('li.bad').getByText('late.dcm: failed').waitFor();
    assert.ok((await page.getByRole('link', { name: 'View images' }).getAttribute('href')).includes(given.sent));
    assert.equal(page.url(), `${given.url}/clinic#upload`);
    assert.deepEqual(page.noted, []);

    await page.getByRole('link', { name: 'Upload log' }).click();
    await page.getByText(`PatientID: ${given.wrongId} → 4711`).waitFor();
    await page.getByText(given.user).first().waitFor();
    assert.deepEqual(page.noted, []);
  },

  // A connection that breaks, a file that is taken out, on a small screen and in French; and in Chinese what there is
  // of it all.
  async uploadAgain() {
    const page = await newPage({ locale: 'fr-CA', viewport: { width: 390, height: 800 } });
    await signIn(page, given.user, given.password);
    await page.getByRole('link', { name: 'Envoyer des images' }).click();
    await page.locator('input[type=file]').nth(1).setInputFiles(given.folder);
    await page.getByText('3 images · 1 patient').waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, 'wider than the screen');

    await page.route('**/upload-multiple', (route) => route.abort());
    await page.getByRole('button', { name: /^Envoyer 1 examen \(3 images/ }).click();
    await page.getByText('Fichiers envoyés : 0 sur 3 · 3 fichiers ont échoué').waitFor();
    await page.getByText('Aucune connexion au serveur').first().waitFor();
    await page.unroute('**/upload-multiple');

    // Of a part that is under way, one file is taken out; the others arrive.
    let caught;
    const underWay = new Promise((resolve) => (caught = resolve));
    await page.route('**/upload-multiple', () => caught(), { times: 1 });
    await page.getByRole('button', { name: 'Réessayer les fichiers en échec' }).click();
    await underWay;
    await page.getByRole('button', { name: /^Annuler : / }).first().click();
    await page.getByText('Fichiers envoyés : 2 sur 3').waitFor();
    await page.getByText(': annulé').waitFor();
    await page.getByRole('button', { name: /^Réessayer : / }).click();
    await page.getByText('Fichiers envoyés : 3 sur 3').waitFor();
    await page.getByText(/Classé sous|attend une vérification|personne ne correspond/).waitFor();
    assert.deepEqual(page.noted, []);

    const refused = await page.evaluate(async () => (await fetch('/api/v1/studies?limit=0')).json());
    assert.equal(refused.errors[0].message, 'attendu : un entier de 1 à 1000');

    const chinese = await newPage({ locale: 'zh-CN' });
    await signIn(chinese, given.user, given.password);
    await chinese.getByRole('link', { name: '上传影像' }).click();
    await chinese.locator('input[type=file]').first().setInputFiles({ name: 'cd.zip', mimeType: 'application/zip', buffer: archive(given.files) });
    await chinese.getByText('cd.zip/readme.txt: 不是 DICOM 文件').waitFor();
    await chinese.getByRole('button', { name: /^上传 1 个检查/ }).waitFor();
    const { title } = await chinese.evaluate(async () => (await fetch('/api/v1/studies/1.2.3')).json());
    assert.equal(title, '未找到');
    assert.deepEqual(chinese.noted, []);
  },

  // From the list, two studies side by side.
  async compareFromList() {
    const page = await newPage({ locale: 'en-CA' });
    await signIn(page, given.user, given.password);
    const boxes = page.locator('input[type=checkbox]');
    await boxes.nth(1).waitFor();
    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await page.getByRole('button', { name: 'Compare (2)' }).click();
    await page.waitForURL(/hangingprotocolId/);
    await until(async () => (await page.locator('canvas.cornerstone-canvas').count()) >= 2, 'two viewports', 60);
  },
};

let code = 0;
try {
  await scenarios[scenario]();
} catch (error) {
  code = 1;
  console.error(error);
  console.error('noted:', last?.noted, 'at', last?.url().replace(/#.*/, '#…'));
}
if (process.env.CLINIC_BROWSER_SHOTS) {
  await last?.screenshot({ path: path.join(process.env.CLINIC_BROWSER_SHOTS, `${scenario}.png`) }).catch(() => {});
}
await browser.close();
process.exit(code);
