// SPDX-License-Identifier: GPL-3.0-or-later
//
// The upload log: who sent what, when, what was corrected, and what became of it.

import { call, date, problemOf, viewerUrl } from './api';
import { element } from './dom';
import { type Key, text } from './messages';

interface Entry {
  study_instance_uid: string;
  patient_dicom_id: string;
  patient_name: string;
  study_date: string;
  study_description: string;
  modality: string;
  uploaded_by: string;
  upload_status: 'uploaded' | 'failed' | 'partial' | 'deleted';
  upload_date: string;
  number_of_files: number;
  number_of_instances: number;
  tags_modified: boolean;
  original_patient_id: string | null;
  original_patient_name: string | null;
  original_accession_number: string | null;
  modified_patient_id: string | null;
  modified_patient_name: string | null;
  modified_accession_number: string | null;
  error_message: string | null;
}

const pageSize = 25;

function corrections(entry: Entry): string[] {
  const pairs: [Key, string | null, string | null][] = [
    ['patientId', entry.original_patient_id, entry.modified_patient_id],
    ['patientName', entry.original_patient_name, entry.modified_patient_name],
    ['accession', entry.original_accession_number, entry.modified_accession_number],
  ];
  return pairs.filter(([, , now]) => now).map(([label, was, now]) => `${text(label)}: ${was || text('nothing')} → ${now}`);
}

function row(entry: Entry): HTMLTableRowElement {
  const uid = entry.study_instance_uid;
  const shown = entry.upload_status === 'uploaded' || entry.upload_status === 'partial';
  return element('tr', {},
    element('td', {}, new Date(entry.upload_date).toLocaleString(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'short' }), element('br'), element('small', {}, entry.uploaded_by ?? '')),
    element('td', {}, entry.patient_name ?? '', element('br'), element('small', {}, entry.patient_dicom_id ?? '')),
    element('td', {}, [date(entry.study_date ?? ''), entry.modality, entry.study_description].filter((part) => part).join(' · ')),
    element('td', {}, String(entry.number_of_instances ?? entry.number_of_files ?? '')),
    element('td', { class: entry.upload_status === 'failed' ? 'bad' : '' }, text(`upload_${entry.upload_status}` as Key), ...(entry.error_message ? [element('br'), element('small', {}, entry.error_message)] : [])),
    element('td', {}, ...corrections(entry).map((line) => element('div', {}, line))),
    element('td', {}, ...(shown && uid ? [element('a', { class: 'button', href: viewerUrl([uid]) }, text('view'))] : [])));
}

export async function uploadsPage(offset = 0): Promise<HTMLElement> {
  const page = element('div', {});
  const answer = await call('GET', `/dicom/uploads?${new URLSearchParams({ skip: String(offset), limit: String(pageSize) })}`);
  const body = await answer.text();
  if (!answer.ok) {
    page.append(element('h2', {}, text('uploadLog')), element('p', { class: 'bad', role: 'alert' }, problemOf(answer.status, body)));
    return page;
  }
  const entries: Entry[] = JSON.parse(body);
  const total = Number(answer.headers.get('X-Total-Count') ?? entries.length);
  const turn = (label: Key, step: number) => element('button', {
    type: 'button',
    disabled: offset + step < 0 || offset + step >= total,
    click: () => void uploadsPage(offset + step).then((other) => page.replaceWith(other)),
  }, text(label));
  const columns: Key[] = ['sentAt', 'patient', 'study', 'imagesColumn', 'state', 'correctedColumn'];
  page.append(element('h2', {}, text('uploadLog')),
    total === 0
      ? element('p', {}, text('noUploads'))
      : element('div', { class: 'wide' }, element('table', {},
          element('thead', {}, element('tr', {}, ...columns.map((key) => element('th', { scope: 'col' }, text(key))), element('th'))),
          element('tbody', {}, ...entries.map(row)))),
    element('div', { class: 'pages' }, turn('previous', -pageSize), text('range', { first: Math.min(offset + 1, total), last: offset + entries.length, total }), turn('next', pageSize)));
  return page;
}
