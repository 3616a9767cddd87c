// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a DICOM file says of its patient and study, read in the browser: from the beginning of the file, up to the
// pixels, so that a CD is listed within seconds.

import { convertBytes } from 'dicom-character-set';
import dicomParser from 'dicom-parser';
import type { Refused, Source } from './files';
import type { Key } from './messages';

export interface Image {
  source: Source;
  patientId: string;
  patientName: string; // as in the file: "Tremblay^Jean-François"
  birthDate: string;
  studyUid: string;
  studyDate: string;
  description: string;
  accessionNumber: string;
  modality: string;
  seriesUid: string;
  sopUid: string;
}

const pixelData = 'x7fe00010';
const implicit = '1.2.840.10008.1.2';
const explicit = '1.2.840.10008.1.2.1';
const deflated = '1.2.840.10008.1.2.1.99';
const mediaDirectory = '1.2.840.10008.1.3.10';

async function bytesOf(blob: Blob, size: number): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(0, size).arrayBuffer());
}

async function inflate(packed: Blob): Promise<Uint8Array> {
  const unfolded = packed.stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(unfolded).arrayBuffer());
}

// The transfer syntax of a file without preamble and meta information, which begins with group 0008.
function bareSyntax(bytes: Uint8Array): string | undefined {
  const isVr = (byte: number | undefined) => byte !== undefined && byte >= 0x41 && byte <= 0x5a;
  return bytes[0] === 8 && bytes[1] === 0 && bytes[3] === 0 ? (isVr(bytes[4]) && isVr(bytes[5]) ? explicit : implicit) : undefined;
}

function hasPrefix(bytes: Uint8Array): boolean {
  return bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d;
}

function text(dataSet: dicomParser.DataSet, tag: string, vr: string): string {
  const element = dataSet.elements[tag];
  if (element === undefined || element.length === 0) {
    return '';
  }
  const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length) as Uint8Array;
  const charset = dataSet.string('x00080005');
  let decoded: string;
  try {
    decoded = convertBytes(charset, bytes, { vr });
  } catch {
    decoded = new TextDecoder('latin1').decode(bytes); // a character set that nobody knows
  }
  return decoded.replace(/[\0\s]+$/, '').trimStart();
}

interface Parsed {
  dataSet: dicomParser.DataSet;
  size: number; // of the file, once it is unfolded
}

// Null where the beginning was not enough.
async function parse(file: Blob, size: number): Promise<Parsed | null> {
  const whole = size >= file.size;
  const bytes = await bytesOf(file, size);
  const options = (TransferSyntaxUID: string | undefined) => ({ untilTag: pixelData, TransferSyntaxUID }) as dicomParser.ParseDicomOptions;
  if (hasPrefix(bytes)) {
    const head = dicomParser.readPart10Header(bytes);
    if (head.string('x00020010') === deflated) {
      const unfolded = await inflate(file.slice((head as unknown as { position: number }).position));
      return { dataSet: dicomParser.parseDicom(unfolded, options(explicit)), size: unfolded.length };
    }
  }
  try {
    const dataSet = dicomParser.parseDicom(bytes, options(hasPrefix(bytes) ? undefined : bareSyntax(bytes)));
    return whole || dataSet.elements[pixelData] !== undefined ? { dataSet, size: file.size } : null;
  } catch (error) {
    if (whole) {
      throw error;
    }
    return null;
  }
}

function isCutOff({ dataSet, size }: Parsed): boolean {
  const pixels = dataSet.elements[pixelData];
  return pixels !== undefined && !pixels.hadUndefinedLength && pixels.length !== 0xffffffff && pixels.dataOffset + pixels.length > size;
}

export async function read(source: Source): Promise<Image | Refused> {
  const refuse = (why: Key): Refused => ({ path: source.path, why });
  if (source.blob.size === 0) {
    return refuse('empty');
  }
  const head = await bytesOf(source.blob, 132);
  if (!hasPrefix(head) && bareSyntax(head) === undefined) {
    return refuse('notDicom');
  }
  let parsed: Parsed | null = null;
  try {
    for (const size of [64 * 1024, 1024 * 1024, source.blob.size]) {
      parsed ??= await parse(source.blob, size);
    }
  } catch {
    // said below
  }
  if (parsed === null) {
    return refuse('damaged');
  }
  const { dataSet } = parsed;
  if (dataSet.string('x00020002') === mediaDirectory) {
    return refuse('directory');
  }
  const image: Image = {
    source,
    patientId: text(dataSet, 'x00100020', 'LO'),
    patientName: text(dataSet, 'x00100010', 'PN'),
    birthDate: text(dataSet, 'x00100030', 'DA'),
    studyUid: text(dataSet, 'x0020000d', 'UI'),
    studyDate: text(dataSet, 'x00080020', 'DA'),
    description: text(dataSet, 'x00081030', 'LO'),
    accessionNumber: text(dataSet, 'x00080050', 'SH'),
    modality: text(dataSet, 'x00080060', 'CS'),
    seriesUid: text(dataSet, 'x0020000e', 'UI'),
    sopUid: text(dataSet, 'x00080018', 'UI'),
  };
  if (image.studyUid === '' || image.seriesUid === '' || image.sopUid === '') {
    return refuse('noUid');
  }
  return isCutOff(parsed) ? refuse('cutOff') : image;
}
