// SPDX-License-Identifier: GPL-3.0-or-later
//
// Calls of our REST API, and what the pages share of its answers.

import { text } from './messages';

export interface Study {
  study_instance_uid: string;
  orthanc_study_id: string;
  patient_name: string;
  patient_dicom_id: string;
  study_date: string;
  modality: string;
  study_description: string;
  accession_number: string;
  match: {
    status: 'matched' | 'review' | 'unmatched' | 'pending';
    patient_id: string | null;
    reason: string;
    evidence: { field: string; level: string }[];
  };
  orders: { order_id: string }[];
  order_review?: object;
}

export interface Patient {
  id: string;
  identifiers: { value: string; issuer: string; type: string }[];
  names: { use: string; family: string; given: string }[];
  contact_person: string | null;
  business_name: string | null;
  birth_date: string | null;
}

export interface Order {
  id: string;
  order_number: string;
  accession_number: string;
  status: string;
  scheduled_date: string | null;
  order_details: { modality_id: string | null; body_part_id: string | null };
}

export function call(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`/api/v1${path}`, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

// What the server says of a failure, which it says in the browser's language.
export function problemOf(status: number, body: string): string {
  if (status === 401) {
    return text('sessionEnded');
  }
  try {
    const problem = JSON.parse(body);
    return [problem.detail, ...(problem.errors ?? []).map((error: { message: string }) => error.message)].join(': ');
  } catch {
    return text('failed');
  }
}

export function viewerUrl(uids: string[]): string {
  const query = new URLSearchParams({ StudyInstanceUIDs: uids.join(',') });
  if (uids.length > 1) {
    query.set('hangingprotocolId', '@ohif/hpCompare');
  }
  return `/ohif/viewer?${query}`;
}

// DICOM's 20260208 as 2026-02-08.
export function date(dicom: string): string {
  return dicom.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
}

export function nameOf(patient: Patient): string {
  const name = patient.names.find(({ use }) => use === 'official') ?? patient.names[0];
  return name !== undefined ? [name.family, name.given].filter((part) => part).join(', ') : patient.contact_person ?? patient.business_name ?? patient.id;
}

// The number that images of the patient bear: the record number where there is one, else the directory's id.
export function numberOf(patient: Patient): string {
  return patient.identifiers.find(({ type }) => type === 'mrn')?.value ?? patient.id;
}
