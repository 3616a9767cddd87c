// SPDX-License-Identifier: GPL-3.0-or-later
//
// The upload page: drop files, see what is in them, say whose they are, correct what is wrong, send, and see that
// they arrived and under whom they were filed.

import { call, date, nameOf, numberOf, type Order, type Patient, problemOf, type Study, viewerUrl } from './api';
import { type Image, read } from './dicom';
import { element } from './dom';
import { chosen, dropped, isZip, type Refused, type Source, unzip } from './files';
import { type Key, text } from './messages';
import { type Item, Sender } from './send';

// What may be corrected before it is sent, and where it stands in an image.
const correctable: { keyword: string; label: Key; of: (image: Image) => string; pattern: string; longest: number; ofPatient: boolean }[] = [
  { keyword: 'PatientID', label: 'patientId', of: (image) => image.patientId, pattern: '[^\\\\]*', longest: 64, ofPatient: true },
  { keyword: 'PatientName', label: 'patientName', of: (image) => image.patientName, pattern: '[^\\\\]*', longest: 194, ofPatient: true },
  { keyword: 'AccessionNumber', label: 'accession', of: (image) => image.accessionNumber, pattern: '[^\\\\]*', longest: 16, ofPatient: false },
  { keyword: 'StudyDate', label: 'date', of: (image) => date(image.studyDate), pattern: '\\d{4}-?\\d{2}-?\\d{2}', longest: 10, ofPatient: false },
];
const parallelReads = 8;
const pollMilliseconds = 500;
const polls = 60;

let nextId = 0;
const newId = () => `n${(nextId += 1)}`;

function megabytes(bytes: number): string {
  return new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit: 'megabyte', maximumFractionDigits: bytes < 10e6 ? 1 : 0 }).format(Math.max(bytes / 1e6, 0.1));
}

function bytesOf(images: Image[]): number {
  return images.reduce((sum, image) => sum + image.source.blob.size, 0);
}

// DICOM's "Tremblay^Jean" as a person writes it.
function readable(name: string): string {
  return name
    .split('=')
    .map((group) => group.split('^').slice(0, 3).filter((part) => part !== '').join(', '))
    .filter((group) => group !== '')
    .join(' = ');
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}

// Fields with what the images say beside them; empty stands for "as it is".
class Corrections {
  readonly inputs = new Map<string, HTMLInputElement>();
  readonly element: HTMLElement;
  private readonly originals: Map<string, string>;

  constructor(image: Image, ofPatient: boolean, changed: () => void) {
    const rows = correctable.filter((one) => one.ofPatient === ofPatient).map(({ keyword, label, of, pattern, longest }) => {
      const original = of(image);
      const input = element('input', { name: keyword, value: original, pattern, maxlength: String(longest), autocomplete: 'off', 'aria-label': text('corrected', { field: text(label) }) });
      const was = element('td', {}, original === '' ? text('nothing') : original);
      input.addEventListener('input', () => {
        input.classList.toggle('changed', input.value.trim() !== original);
        changed();
      });
      input.addEventListener('invalid', () => input.closest('details')?.setAttribute('open', ''));
      this.inputs.set(keyword, input);
      return element('tr', {}, element('th', { scope: 'row' }, text(label)), was, element('td', {}, input));
    });
    this.originals = new Map(correctable.map(({ keyword, of }) => [keyword, of(image)]));
    this.element = element('table', { class: 'corrections' },
      element('thead', {}, element('tr', {}, element('th'), element('th', { scope: 'col' }, text('inImages')), element('th', { scope: 'col' }, text('toBeSent')))),
      element('tbody', {}, ...rows));
  }

  set(keyword: string, value: string): void {
    const input = this.inputs.get(keyword);
    if (input !== undefined) {
      input.value = value;
      input.dispatchEvent(new Event('input'));
    }
  }

  isValid(): boolean {
    return [...this.inputs.values()].every((input) => input.reportValidity());
  }

  changes(): Record<string, string> {
    return Object.fromEntries([...this.inputs]
      .map(([keyword, input]): [string, string] => [keyword, input.value.trim()])
      .filter(([keyword, value]) => value !== this.originals.get(keyword))
      .map(([keyword, value]) => [keyword, keyword === 'StudyDate' ? value.replaceAll('-', '') : value]));
  }
}

class PatientChoice {
  readonly element: HTMLFieldSetElement;
  private readonly options = element('div', { class: 'options' });
  private readonly group = newId();
  private readonly known = new Map<string, Patient>();
  private readonly state = element('p', { role: 'status' });
  chosen: Patient | null = null;

  constructor(private readonly changed: () => void) {
    const word = element('input', { type: 'search', maxlength: '128', autocomplete: 'off', 'aria-label': text('searchPatient') });
    const search = async () => {
      if (word.value.trim() !== '') {
        await this.offer(new URLSearchParams({ q: word.value.trim(), limit: '10' }), true);
      }
    };
    word.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        void search();
      }
    });
    this.add(null);
    this.element = element('fieldset', {}, element('legend', {}, text('fileUnder')), this.options,
      element('div', { class: 'row' }, word, element('button', { type: 'button', class: 'plain', click: () => void search() }, text('searchPatient'))), this.state);
  }

  // The patients that an image's number names, to begin with.
  async suggest(patientId: string): Promise<void> {
    if (patientId !== '') {
      await this.offer(new URLSearchParams({ identifier: patientId, limit: '5' }), false);
    }
  }

  private async offer(query: URLSearchParams, searched: boolean): Promise<void> {
    const answer = await call('GET', `/patients?${query}`).catch(() => null);
    if (answer === null || !answer.ok) {
      this.state.textContent = answer === null ? text('noConnection') : problemOf(answer.status, await answer.text());
      return;
    }
    const { items }: { items: Patient[] } = await answer.json();
    for (const patient of items.filter(({ id }) => !this.known.has(id))) {
      this.known.set(patient.id, patient);
      this.add(patient);
    }
    this.state.textContent = searched ? text(items.length === 0 ? 'noPatient' : 'found', { count: items.length }) : '';
  }

  private add(patient: Patient | null): void {
    const radio = element('input', { type: 'radio', name: this.group, value: patient?.id ?? '' });
    radio.checked = patient === null;
    radio.addEventListener('change', () => {
      this.chosen = patient;
      this.changed();
    });
    const label = patient === null ? text('byMatching') : [nameOf(patient), patient.birth_date ?? '', numberOf(patient)].filter((part) => part !== '').join(' · ');
    this.options.append(element('label', { class: 'choice' }, radio, label));
  }
}

// One study of what was dropped.
class StudyCard {
  readonly element: HTMLElement;
  readonly corrections: Corrections;
  readonly include = element('input', { type: 'checkbox' });
  private readonly order = element('select', {}, element('option', { value: '' }, text('noOrder')));
  private readonly orderLabel = element('label', { hidden: true }, text('order'), this.order);
  private readonly orderHint = element('p', { class: 'hint' });
  private readonly form: HTMLFieldSetElement;
  private readonly progress = element('div', {});
  private readonly arrival = element('div', { role: 'status' });
  private readonly lines = new Map<Item, HTMLElement>();
  private readonly shown = new Map<Item, string>(); // what each line says, which is only written anew when it changes
  private orders: Order[] = [];
  sender: Sender | null = null;

  constructor(
    readonly images: Image[],
    private readonly elsewhere: boolean,
    private readonly changed: () => void,
  ) {
    const first = images[0] as Image;
    this.include.checked = true;
    this.include.addEventListener('change', changed);
    this.order.addEventListener('change', () => this.hint());
    this.corrections = new Corrections(first, false, () => {
      this.hint();
      changed();
    });
    const modalities = [...new Set(images.map(({ modality }) => modality))].join(', ');
    const title = [date(first.studyDate) || text('noDate'), modalities, first.description].filter((part) => part !== '').join(' · ');
    const series = new Set(images.map(({ seriesUid }) => seriesUid)).size;
    const problems = this.problems();
    this.form = element('fieldset', { class: 'bare' }, this.orderLabel, this.orderHint, element('details', { open: problems.length > 0 }, element('summary', {}, text('correct')), this.corrections.element));
    const id = newId();
    this.element = element('section', { class: 'study', 'aria-labelledby': id },
      element('h4', { id }, element('label', { class: 'choice' }, this.include, title)),
      element('p', {}, `${text('images', { count: images.length })} · ${text('series', { count: series })} · ${megabytes(bytesOf(images))}`),
      element('ul', { class: 'bad' }, ...problems.map((key) => element('li', {}, text(key)))),
      this.form, this.progress, this.arrival);
  }

  private problems(): Key[] {
    const first = this.images[0] as Image;
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const checks: [boolean, Key][] = [
      [first.patientId === '', 'noPatientId'],
      [readable(first.patientName) === '', 'noPatientName'],
      [first.studyDate === '', 'noStudyDate'],
      [first.studyDate > today, 'dateInFuture'],
      [new Set(this.images.map(({ accessionNumber }) => accessionNumber)).size > 1, 'severalAccessionNumbers'],
      [this.elsewhere, 'otherPatientToo'],
    ];
    return checks.filter(([holds]) => holds).map(([, key]) => key);
  }

  async offerOrders(patient: Patient | null): Promise<void> {
    this.orders = [];
    this.order.replaceChildren(element('option', { value: '' }, text('noOrder')));
    if (patient !== null) {
      const answer = await call('GET', `/orders/patient/${encodeURIComponent(patient.id)}`).catch(() => null);
      const body = answer?.ok ? await answer.json() : [];
      this.orders = (Array.isArray(body) ? body : body.items ?? []).filter(({ status }: Order) => status !== 'cancelled');
    }
    this.order.append(...this.orders.map((order) => element('option', { value: order.id },
      [order.order_number, order.scheduled_date?.slice(0, 10), order.order_details?.modality_id, order.accession_number].filter((part) => part).join(' · '))));
    this.orderLabel.hidden = this.orders.length === 0;
    this.hint();
  }

  // An order has an accession number that the images should bear.
  private hint(): void {
    const order = this.orders.find(({ id }) => id === this.order.value);
    const present = this.corrections.inputs.get('AccessionNumber')?.value.trim();
    const differs = order !== undefined && order.accession_number !== '' && order.accession_number !== present;
    this.orderHint.replaceChildren(...(differs
      ? [text('orderAccession', { number: order.accession_number }), ' ',
          element('button', { type: 'button', class: 'plain', click: () => this.corrections.set('AccessionNumber', order.accession_number) }, text('takeAccession'))]
      : []));
  }

  get wanted(): boolean {
    return this.include.checked && this.sender === null;
  }

  prepare(patient: Patient | null, isCd: boolean, changes: Record<string, string>): void {
    this.form.disabled = true;
    this.include.disabled = true;
    this.form.querySelector('details')?.removeAttribute('open');
    this.sender = new Sender(this.images, { patientId: patient?.id ?? '', orderId: this.order.value, isCd, changes: { ...changes, ...this.corrections.changes() } }, () => {
      this.show();
      this.changed();
    });
    this.showLines(this.sender);
  }

  private showLines(sender: Sender): void {
    const list = element('ul', { class: 'files' });
    for (const item of sender.items) {
      const line = element('li', {});
      this.lines.set(item, line);
      list.append(line);
    }
    this.progress.replaceChildren(element('details', {}, element('summary', {}, text('files')), list));
    this.show();
  }

  private show(): void {
    for (const [item, line] of this.lines) {
      const state = item.state + item.why;
      if (this.shown.get(item) === state) {
        continue;
      }
      this.shown.set(item, state);
      const path = item.image.source.path;
      const button = (label: Key, act: () => void) => element('button', { type: 'button', class: 'plain', click: act, 'aria-label': text('fileAction', { action: text(label), file: path }) }, text(label));
      line.className = item.state === 'failed' ? 'bad' : '';
      line.replaceChildren(`${path}: ${text(item.state === 'failed' ? 'fileFailed' : item.state)}${item.why === '' ? '' : ` – ${item.why}`} `,
        ...(item.state === 'waiting' || item.state === 'sending' ? [button('cancel', () => this.sender?.cancel(item))] : []),
        ...(item.state === 'failed' || item.state === 'cancelled' ? [button('retry', () => void this.again([item]))] : []));
      if (item.state === 'failed') {
        line.closest('details')?.setAttribute('open', '');
      }
    }
  }

  async send(): Promise<void> {
    await this.sender?.run();
    await this.follow();
  }

  async again(items: Item[]): Promise<void> {
    await this.sender?.retry(items);
    await this.follow();
  }

  // Waits until it is decided to whom each study belongs, and to which order, if one was chosen; the server may have
  // made more than one study of them.
  private async follow(): Promise<void> {
    const isDecided = (study: Study): boolean =>
      study.match.status !== 'pending' && (this.order.value === '' || study.match.status !== 'matched' || study.orders.length > 0 || study.order_review !== undefined);
    for (const { orthanc_study_id } of this.sender?.stored.values() ?? []) {
      this.arrival.textContent = text('arriving');
      let study: Study | null = null;
      for (let i = 0; i < polls && (study === null || !isDecided(study)); i++) {
        await new Promise((resolve) => setTimeout(resolve, i === 0 ? 100 : pollMilliseconds));
        const answer = await call('GET', `/studies/${encodeURIComponent(orthanc_study_id)}`).catch(() => null);
        study = answer?.ok ? await answer.json() : study;
      }
      this.arrival.replaceChildren(...(study === null ? [text('arrivedUndecided')] : await arrived(study)));
    }
  }
}

// Under whom a study was filed, and why.
async function arrived(study: Study): Promise<Node[]> {
  const { status, patient_id, reason, evidence } = study.match;
  const answer = patient_id === null ? null : await call('GET', `/patients/${encodeURIComponent(patient_id)}`).catch(() => null);
  const patient: Patient | null = answer?.ok ? await answer.json() : null;
  const who = patient === null ? patient_id ?? '' : `${nameOf(patient)} (${numberOf(patient)})`;
  const says: Key = status === 'matched' ? 'filedUnder' : status === 'review' ? 'waitsForReview' : status === 'unmatched' ? 'filedUnderNobody' : 'arrivedUndecided';
  const reasons = (evidence ?? [])
    .filter(({ level }) => level !== 'missing')
    .map(({ field, level }) => text('agreement', { field: text(`field_${field}` as Key), level: text(level.startsWith('exact') ? 'agrees' : level === 'disagree' ? 'disagrees' : 'agreesInPart') }));
  const why = text(`reason_${reason}` as Key);
  return [
    element('p', { class: status === 'matched' ? 'good' : 'hint' }, element('strong', {}, text(says, { who })), why === `reason_${reason}` ? '' : ` ${why}`),
    element('p', {}, reasons.join(' · ')),
    ...(study.orders.length > 0 ? [element('p', { class: 'good' }, text('orderLinked'))] : []),
    ...(study.order_review === undefined ? [] : [element('p', { class: 'hint' }, text('orderReview'))]),
    element('a', { class: 'button', href: viewerUrl([study.study_instance_uid]) }, text('view')),
  ];
}

// A patient of what was dropped, with their studies.
class PatientCard {
  readonly element: HTMLElement;
  readonly studies: StudyCard[];
  readonly choice: PatientChoice;
  private readonly corrections: Corrections;
  private readonly hint = element('p', { class: 'hint' });
  private readonly form: HTMLFieldSetElement;

  constructor(images: Image[], private readonly everything: Image[], changed: () => void) {
    const first = images[0] as Image;
    this.choice = new PatientChoice(() => {
      this.showHint();
      for (const study of this.studies) {
        void study.offerOrders(this.choice.chosen);
      }
    });
    this.corrections = new Corrections(first, true, () => {
      this.showHint();
      changed();
    });
    this.studies = groupBy(images, ({ studyUid }) => studyUid).map((study) => new StudyCard(study, this.isElsewhere(study), changed));
    this.form = element('fieldset', { class: 'bare' }, this.choice.element, this.hint, element('details', { open: true }, element('summary', {}, text('correct')), this.corrections.element));
    const id = newId();
    this.element = element('section', { class: 'patient', 'aria-labelledby': id },
      element('h3', { id }, [readable(first.patientName) || text('noName'), first.patientId || text('noId'), date(first.birthDate)].filter((part) => part !== '').join(' · ')),
      this.form, ...this.studies.map((study) => study.element));
    void this.choice.suggest(first.patientId);
  }

  private isElsewhere(study: Image[]): boolean {
    return this.everything.filter(({ studyUid }) => studyUid === study[0]?.studyUid).length > study.length;
  }

  // The images should bear the number of whom they are filed under.
  private showHint(): void {
    const patient = this.choice.chosen;
    const present = this.corrections.inputs.get('PatientID')?.value.trim() ?? '';
    const differs = patient !== null && patient.id !== present && !patient.identifiers.some(({ value }) => value === present);
    this.hint.replaceChildren(...(differs
      ? [text('otherNumber', { number: numberOf(patient) }), ' ',
          element('button', { type: 'button', class: 'plain', click: () => this.take(patient) }, text('takeNumber'))]
      : []));
  }

  private take(patient: Patient): void {
    this.corrections.set('PatientID', numberOf(patient));
    const name = patient.names.find(({ use }) => use === 'official') ?? patient.names[0];
    if (name !== undefined) {
      this.corrections.set('PatientName', `${name.family}^${name.given}`);
    }
  }

  isValid(): boolean {
    return this.corrections.isValid() && this.studies.every((study) => study.corrections.isValid());
  }

  prepare(isCd: boolean): StudyCard[] {
    const wanted = this.studies.filter((study) => study.wanted);
    for (const study of wanted) {
      study.prepare(this.choice.chosen, isCd, this.corrections.changes());
    }
    if (wanted.length > 0) {
      this.form.disabled = true;
      this.form.querySelector('details')?.removeAttribute('open');
    }
    return wanted;
  }
}

async function readAll(sources: Source[], progress: (done: number, total: number) => void): Promise<{ images: Image[]; refused: Refused[] }> {
  const images: Image[] = [];
  const refused: Refused[] = [];
  const files: Source[] = [];
  for (const source of sources) {
    const archive = (await isZip(source.blob)) ? await unzip(source) : null;
    files.push(...(archive?.sources ?? [source]));
    refused.push(...(archive?.refused ?? []));
  }
  let next = 0;
  let done = 0;
  await Promise.all(Array.from({ length: parallelReads }, async () => {
    for (let file = files[next++]; file !== undefined; file = files[next++]) {
      const found = await read(file).catch((): Refused => ({ path: file?.path ?? '', why: 'unreadable' }));
      'why' in found ? refused.push(found) : images.push(found);
      progress(++done, files.length);
    }
  }));
  images.sort((a, b) => a.source.path.localeCompare(b.source.path));
  const seen = new Set<string>();
  const once = images.filter((image) => {
    const again = seen.has(image.sopUid);
    seen.add(image.sopUid);
    if (again) {
      refused.push({ path: image.source.path, why: 'twice' });
    }
    return !again;
  });
  return { images: once, refused };
}

export function uploadPage(): HTMLElement {
  const state = element('p', { role: 'status', 'aria-live': 'polite' });
  const found = element('div', {});
  const bar = element('progress', { max: '1', value: '0', hidden: true, 'aria-label': text('progress') });
  const send = element('button', { type: 'button', hidden: true });
  const cancel = element('button', { type: 'button', class: 'plain', hidden: true }, text('cancelAll'));
  const retry = element('button', { type: 'button', class: 'plain', hidden: true }, text('retryAll'));
  const restart = element('button', { type: 'button', class: 'plain', hidden: true }, text('moreFiles'));
  let patients: PatientCard[] = [];
  let sending = false;
  let isCd = false;

  const studies = () => patients.flatMap((patient) => patient.studies);
  const items = () => studies().flatMap((study) => study.sender?.items ?? []);

  function showState(): void {
    const wanted = studies().filter((study) => study.wanted);
    const images = wanted.flatMap((study) => study.images);
    send.hidden = studies().every((study) => study.sender !== null);
    send.disabled = images.length === 0 || sending;
    send.textContent = text('sendStudies', { count: wanted.length, images: text('images', { count: images.length }), size: megabytes(bytesOf(images)) });
    const all = items();
    if (all.length > 0) {
      const count = (wantedState: Item['state']) => all.filter(({ state: itemState }) => itemState === wantedState).length;
      const failed = count('failed');
      const total = bytesOf(all.map(({ image }) => image));
      bar.hidden = false;
      bar.value = total === 0 ? 1 : Math.min(1, studies().reduce((sum, study) => sum + (study.sender?.bytesDone ?? 0), 0) / total);
      state.textContent = [text('sentOf', { done: count('sent'), total: all.length }), ...(failed > 0 ? [text('failedFiles', { count: failed })] : [])].join(' · ');
      cancel.hidden = !sending;
      retry.hidden = sending || failed === 0;
    }
    restart.hidden = sending || patients.length === 0;
  }

  async function whileSending(act: () => Promise<unknown>): Promise<void> {
    sending = true;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    showState();
    try {
      await act();
    } finally {
      removeEventListener('beforeunload', warn);
      sending = false;
      showState();
    }
  }

  async function take(sources: Source[]): Promise<void> {
    if (sources.length === 0 || sending) {
      return;
    }
    state.textContent = text('reading', { done: 0, total: sources.length });
    const { images, refused } = await readAll(sources, (done, total) => {
      if (done % 10 === 0) {
        state.textContent = text('reading', { done, total });
      }
    });
    isCd = refused.some(({ why }) => why === 'directory');
    patients = groupBy(images, (image) => JSON.stringify([image.patientId, image.patientName, image.birthDate]))
      .map((group) => new PatientCard(group, images, showState));
    state.textContent = [text('images', { count: images.length }), text('patients', { count: patients.length }), ...(refused.length > 0 ? [text('notSent', { count: refused.length })] : [])].join(' · ');
    found.replaceChildren(...patients.map((patient) => patient.element),
      ...(refused.length === 0 ? [] : [element('details', { class: 'refused', open: refused.length <= 20 }, element('summary', {}, text('notSent', { count: refused.length })),
        element('ul', {}, ...refused.map(({ path, why }) => element('li', {}, `${path}: ${text(why)}`))))]));
    drop.hidden = images.length > 0;
    bar.hidden = true;
    showState();
    (found.querySelector('h3, summary') as HTMLElement | null)?.scrollIntoView({ block: 'nearest' });
  }

  const files = element('input', { type: 'file', multiple: true, class: 'hidden-input', id: newId() });
  const folder = element('input', { type: 'file', webkitdirectory: true, class: 'hidden-input', id: newId() });
  for (const input of [files, folder]) {
    input.addEventListener('change', () => {
      const sources = chosen(input.files ?? []);
      input.value = '';
      void take(sources);
    });
  }
  const drop = element('div', { class: 'drop' },
    element('p', {}, text('dropHere')),
    element('div', { class: 'row' },
      element('label', { class: 'button', for: files.id }, files, text('chooseFiles')),
      element('label', { class: 'button', for: folder.id }, folder, text('chooseFolder'))));
  const page = element('div', { class: 'upload' }, element('h2', {}, text('upload')), drop, state, bar, found,
    element('div', { class: 'row actions' }, send, cancel, retry, restart));

  page.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  page.addEventListener('dragleave', () => drop.classList.remove('over'));
  page.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    if (event.dataTransfer !== null) {
      void dropped(event.dataTransfer).then(take);
    }
  });
  send.addEventListener('click', () => {
    if (patients.every((patient) => patient.isValid())) {
      const wanted = patients.flatMap((patient) => patient.prepare(isCd));
      void whileSending(async () => {
        for (const study of wanted) {
          await study.send();
        }
      });
    }
  });
  cancel.addEventListener('click', () => studies().forEach((study) => study.sender?.cancelAll()));
  retry.addEventListener('click', () => void whileSending(async () => {
    for (const study of studies()) {
      const failed = study.sender?.items.filter(({ state: itemState }) => itemState === 'failed') ?? [];
      if (failed.length > 0) {
        await study.again(failed);
      }
    }
  }));
  restart.addEventListener('click', () => {
    patients = [];
    found.replaceChildren();
    state.textContent = '';
    bar.hidden = true;
    drop.hidden = false;
    for (const button of [send, cancel, retry, restart]) {
      button.hidden = true;
    }
    files.focus();
  });
  return page;
}
