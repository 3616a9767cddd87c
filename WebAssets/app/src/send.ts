// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sends files in parts of some megabytes, one part after the other, each file with a state of its own: it can be
// cancelled and tried again by itself.

import { problemOf } from './api';
import type { Image } from './dicom';
import { text } from './messages';

export interface Destination {
  patientId: string; // empty: the clinic's matching decides
  orderId: string;
  isCd: boolean;
  changes: Record<string, string>; // keyword → value
}

export interface Item {
  image: Image;
  state: 'waiting' | 'sending' | 'sent' | 'failed' | 'cancelled';
  why: string;
  alone: boolean; // to be sent by itself, so that an error is its own
}

// What the server stored of a part.
export interface Stored {
  study_instance_uid: string;
  orthanc_study_id: string;
}

interface NotStored {
  filename: string;
  error: string;
}

const mostFiles = 25;
const mostBytes = 16 * 1024 * 1024;

interface Answer {
  status: number; // 0: no answer
  body: string;
}

export class Sender {
  readonly items: Item[];
  readonly stored = new Map<string, Stored>();
  private request: XMLHttpRequest | null = null;
  private running = false;
  private sentOfPart = 0;

  constructor(
    images: Image[],
    private readonly destination: Destination,
    private readonly changed: () => void,
  ) {
    this.items = images.map((image) => ({ image, state: 'waiting', why: '', alone: false }));
  }

  get bytesDone(): number {
    return this.items.reduce((sum, { state, image }) => sum + (state === 'waiting' || state === 'sending' ? 0 : image.source.blob.size), this.sentOfPart);
  }

  async run(): Promise<void> {
    if (this.running) {
      return;
    }
    this.running = true;
    try {
      for (let part = this.nextPart(); part.length > 0; part = this.nextPart()) {
        await this.send(part);
      }
    } finally {
      this.running = false;
      this.changed();
    }
  }

  cancel(item: Item): void {
    const inFlight = item.state === 'sending';
    if (inFlight || item.state === 'waiting' || item.state === 'failed') {
      item.state = 'cancelled';
      item.why = '';
      if (inFlight) {
        this.request?.abort(); // the others of the part are sent again
      }
      this.changed();
    }
  }

  cancelAll(): void {
    for (const item of this.items) {
      if (item.state === 'waiting' || item.state === 'sending') {
        item.state = 'cancelled';
      }
    }
    this.request?.abort();
    this.changed();
  }

  async retry(items: Item[]): Promise<void> {
    for (const item of items) {
      item.state = 'waiting';
      item.why = '';
    }
    this.changed();
    await this.run();
  }

  private nextPart(): Item[] {
    const part: Item[] = [];
    let bytes = 0;
    for (const item of this.items.filter(({ state }) => state === 'waiting')) {
      const size = item.image.source.blob.size;
      if (part.length > 0 && (item.alone || bytes + size > mostBytes || part.length === mostFiles)) {
        break;
      }
      part.push(item);
      bytes += size;
      if (item.alone) {
        break;
      }
    }
    return part;
  }

  private async send(part: Item[]): Promise<void> {
    for (const item of part) {
      item.state = 'sending';
    }
    this.changed();
    const answer = await this.post(part);
    this.sentOfPart = 0;
    const left = part.filter(({ state }) => state === 'sending');
    if (answer === null) {
      for (const item of left) {
        item.state = 'waiting';
      }
    } else {
      this.take(left, answer);
    }
    this.changed();
  }

  // Null if it was aborted.
  private async post(part: Item[]): Promise<Answer | null> {
    const form = new FormData();
    // The fields first, for a server that reads as the form comes.
    if (this.destination.patientId !== '') {
      form.append('patient_id', this.destination.patientId);
    }
    if (this.destination.orderId !== '') {
      form.append('order_id', this.destination.orderId);
    }
    form.append('upload_source', this.destination.isCd ? 'cd_import' : 'manual');
    if (Object.keys(this.destination.changes).length > 0) {
      form.append('tag_modifications', JSON.stringify(this.destination.changes));
    }
    for (const { image } of part) {
      form.append('files', image.source.blob, image.source.path);
    }
    return await new Promise((done) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.open('POST', '/api/v1/dicom/upload-multiple');
      request.upload.addEventListener('progress', ({ loaded }) => {
        this.sentOfPart = loaded;
        this.changed();
      });
      request.addEventListener('load', () => done({ status: request.status, body: request.responseText }));
      request.addEventListener('error', () => done({ status: 0, body: '' }));
      request.addEventListener('abort', () => done(null));
      request.send(form);
    });
  }

  private take(part: Item[], { status, body }: Answer): void {
    const fail = (item: Item, why: string) => {
      item.state = 'failed';
      item.why = why;
    };
    if (status < 200 || status > 299) {
      // What is wrong with one file shall not be said of the others.
      const ofOneFile = [400, 413].includes(status) && part.length > 1;
      for (const item of part) {
        if (ofOneFile) {
          item.state = 'waiting';
          item.alone = true;
        } else {
          fail(item, status === 0 ? text('noConnection') : problemOf(status, body));
        }
      }
      return;
    }
    const { uploads, errors, skipped } = JSON.parse(body) as { uploads: Stored[]; errors: NotStored[]; skipped?: NotStored[] };
    const notStored = [...errors, ...(skipped ?? [])];
    for (const upload of uploads) {
      this.stored.set(upload.orthanc_study_id, upload);
    }
    const said = new Map(notStored.map(({ filename, error }) => [filename, error]));
    // A name that the form could not carry as it is.
    const isUnclear = part.filter(({ image }) => said.has(image.source.path)).length < notStored.length;
    for (const item of part) {
      const why = said.get(item.image.source.path);
      if (why !== undefined) {
        fail(item, why);
      } else if (isUnclear && part.length > 1) {
        item.state = 'waiting';
        item.alone = true;
      } else if (isUnclear) {
        fail(item, notStored[0]?.error ?? text('failed'));
      } else {
        item.state = 'sent';
      }
    }
  }
}
