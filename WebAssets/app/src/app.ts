// SPDX-License-Identifier: GPL-3.0-or-later
//
// The web application: signing in, and the studies that a person may see.

import { byId, element } from './dom';
import { type Key, text } from './messages';

interface Study {
  study_instance_uid: string;
  patient_name: string;
  patient_dicom_id: string;
  study_date: string;
  modality: string;
  study_description: string;
  accession_number: string;
  match: { status: 'matched' | 'review' | 'unmatched' | 'pending'; patient_id: string | null };
}

const pageSize = 25;
const main = byId('main');
const who = byId('who');
const filter = { modality: '', accession_number: '', offset: 0 };
const selected = new Set<string>();

function call(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`/api/v1${path}`, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

function show(...children: (Node | string)[]): void {
  main.replaceChildren(...children);
}

function field(label: Key, name: string, type: string, more: Record<string, string | boolean> = {}): HTMLLabelElement {
  return element('label', {}, text(label), element('input', { name, type, ...more }));
}

function viewerUrl(uids: string[]): string {
  const query = new URLSearchParams({ StudyInstanceUIDs: uids.join(',') });
  if (uids.length > 1) {
    query.set('hangingprotocolId', '@ohif/hpCompare');
  }
  return `/ohif/viewer?${query}`;
}

// A form whose failure is said in the page.
function form(title: Key, fields: Node[], button: Key, submit: (data: FormData) => Promise<Key | null>): HTMLFormElement {
  const problem = element('p', { class: 'bad', role: 'alert' });
  const made = element('form', { class: 'card' }, element('h2', {}, text(title)), ...fields, problem,
    element('button', { type: 'submit' }, text(button)));
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    const failed = await submit(new FormData(made)).catch((): Key => 'failed');
    problem.textContent = failed === null ? '' : text(failed);
  });
  return made;
}

// Besides by password, people may sign in at an identity provider.
async function showOtherWays(): Promise<void> {
  const answer = await call('GET', '/auth/methods');
  if (answer.ok && (await answer.json()).openid_connect) {
    main.append(element('p', { class: 'pages' }, element('a', { class: 'button', href: '/api/v1/auth/oidc' }, text('elsewhere'))));
  }
  if (location.hash === '#sign-in-failed') {
    history.replaceState(null, '', location.pathname);
    main.append(element('p', { class: 'bad', role: 'alert' }, text('elsewhereFailed')));
  }
}

function signIn(): void {
  who.replaceChildren();
  void showOtherWays();
  show(
    form(
      'signIn',
      [
        field('userName', 'username', 'text', { required: true, autocomplete: 'username', autocapitalize: 'none', autofocus: true }),
        field('password', 'password', 'password', { required: true, autocomplete: 'current-password' }),
      ],
      'signIn',
      async (data) => {
        const answer = await call('POST', '/auth/login', {
          username: data.get('username'),
          password: data.get('password'),
          cookie: true,
        });
        if (!answer.ok) {
          return answer.status === 401 ? 'notRight' : answer.status === 503 || answer.status === 429 ? 'tooMany' : 'failed';
        }
        const { user } = await answer.json();
        if (user.must_change_password) {
          choosePassword(String(data.get('password')));
        } else {
          await start();
        }
        return null;
      },
    ),
  );
}

function choosePassword(current: string): void {
  show(
    form(
      'choosePassword',
      [field('newPassword', 'password', 'password', { required: true, minlength: '12', autocomplete: 'new-password' })],
      'save',
      async (data) => {
        const answer = await call('POST', '/auth/password', { current_password: current, new_password: data.get('password') });
        if (!answer.ok) {
          return 'newPassword';
        }
        await start();
        return null;
      },
    ),
  );
}

async function signOut(): Promise<void> {
  await call('POST', '/auth/logout');
  signIn();
}

function row(study: Study, compare: HTMLButtonElement): HTMLTableRowElement {
  const uid = study.study_instance_uid;
  const box = element('input', { type: 'checkbox', 'aria-label': text('select', { patient: study.patient_name }) });
  box.checked = selected.has(uid);
  box.addEventListener('change', () => {
    box.checked ? selected.add(uid) : selected.delete(uid);
    showSelection(compare);
  });
  const status = text(study.match.status);
  return element(
    'tr',
    {},
    element('td', {}, box),
    element('td', {}, study.patient_name, element('br'), element('small', {}, study.patient_dicom_id)),
    element('td', {}, study.study_date.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')),
    element('td', {}, study.modality),
    element('td', {}, study.study_description),
    element('td', {}, study.accession_number),
    element('td', {}, study.match.patient_id === null ? status : `${study.match.patient_id} (${status})`),
    element('td', {}, element('a', { class: 'button', href: viewerUrl([uid]) }, text('view'))),
  );
}

function showSelection(compare: HTMLButtonElement): void {
  compare.textContent = text('compare', { count: selected.size });
  compare.disabled = selected.size < 2 || selected.size > 10;
}

async function list(): Promise<void> {
  const query = new URLSearchParams({ limit: String(pageSize), offset: String(filter.offset) });
  for (const name of ['modality', 'accession_number'] as const) {
    if (filter[name] !== '') {
      query.set(name, filter[name]);
    }
  }
  const answer = await call('GET', `/studies?${query}`);
  if (answer.status === 401) {
    signIn();
    return;
  }
  if (!answer.ok) {
    show(element('p', { class: 'bad', role: 'alert' }, text(answer.status === 403 ? 'notAllowed' : 'failed')));
    return;
  }
  const { items, total }: { items: Study[]; total: number } = await answer.json();

  const search = element('form', { class: 'row' },
    field('modality', 'modality', 'text', { value: filter.modality, maxlength: '16', size: '6' }),
    field('accession', 'accession_number', 'text', { value: filter.accession_number, maxlength: '64' }),
    element('button', { type: 'submit' }, text('search')));
  search.addEventListener('submit', (event) => {
    event.preventDefault();
    const data = new FormData(search);
    filter.modality = String(data.get('modality')).trim().toUpperCase();
    filter.accession_number = String(data.get('accession_number')).trim();
    filter.offset = 0;
    void list();
  });

  const compare = element('button', { type: 'button', click: () => location.assign(viewerUrl([...selected])) });
  showSelection(compare);
  const turn = (label: Key, step: number) =>
    element('button', {
      type: 'button',
      disabled: filter.offset + step < 0 || filter.offset + step >= total,
      click: () => {
        filter.offset += step;
        void list();
      },
    }, text(label));
  const columns: Key[] = ['patient', 'date', 'modality', 'description', 'accession', 'match'];
  show(
    element('h2', {}, text('studies')),
    search,
    compare,
    total === 0
      ? element('p', {}, text('none'))
      : element('table', {},
          element('thead', {}, element('tr', {}, element('th'), ...columns.map((key) => element('th', { scope: 'col' }, text(key))), element('th'))),
          element('tbody', {}, ...items.map((study) => row(study, compare)))),
    element('div', { class: 'pages' },
      turn('previous', -pageSize),
      text('range', { first: Math.min(filter.offset + 1, total), last: filter.offset + items.length, total }),
      turn('next', pageSize)),
  );
}

async function start(): Promise<void> {
  const answer = await call('GET', '/auth/me');
  if (answer.status === 401) {
    signIn();
    return;
  }
  if (answer.ok) {
    const { name } = await answer.json();
    who.replaceChildren(name, element('button', { type: 'button', click: () => void signOut() }, text('signOut')));
  }
  await list(); // where Orthanc itself lets people in, nobody signs in here
}

await start();
