// SPDX-License-Identifier: GPL-3.0-or-later
//
// The studies that a person may see.

import { call, date, type Study, viewerUrl } from './api';
import { element, field } from './dom';
import { type Key, text } from './messages';

const pageSize = 25;
const filter = { modality: '', accession_number: '', offset: 0 };
const selected = new Set<string>();

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
    element('td', {}, date(study.study_date)),
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

async function list(page: HTMLElement, signIn: () => void): Promise<void> {
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
    page.replaceChildren(element('p', { class: 'bad', role: 'alert' }, text(answer.status === 403 ? 'notAllowed' : 'failed')));
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
    void list(page, signIn);
  });

  const compare = element('button', { type: 'button', click: () => location.assign(viewerUrl([...selected])) });
  showSelection(compare);
  const turn = (label: Key, step: number) =>
    element('button', {
      type: 'button',
      disabled: filter.offset + step < 0 || filter.offset + step >= total,
      click: () => {
        filter.offset += step;
        void list(page, signIn);
      },
    }, text(label));
  const columns: Key[] = ['patient', 'date', 'modality', 'description', 'accession', 'match'];
  page.replaceChildren(
    element('h2', {}, text('studies')),
    search,
    compare,
    total === 0
      ? element('p', {}, text('none'))
      : element('div', { class: 'wide' }, element('table', { class: 'studies' },
          element('thead', {}, element('tr', {}, element('th'), ...columns.map((key) => element('th', { scope: 'col' }, text(key))), element('th'))),
          element('tbody', {}, ...items.map((study) => row(study, compare))))),
    element('div', { class: 'pages' },
      turn('previous', -pageSize),
      text('range', { first: Math.min(filter.offset + 1, total), last: filter.offset + items.length, total }),
      turn('next', pageSize)),
  );
}

// Fills the page; `signIn` is called if the session has ended.
export async function showStudies(page: HTMLElement, signIn: () => void): Promise<void> {
  await list(page, signIn);
}
