// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files that a person drops or chooses: with those of folders, and those in ZIP archives.

import { BlobReader, configure, type FileEntry, ZipReader } from '@zip.js/zip.js';
import type { Key } from './messages';

// The browser's own inflater, in this thread: the page's policy allows no workers from blobs.
configure({ useWebWorkers: false, useCompressionStream: true });

export interface Source {
  path: string;
  blob: Blob;
}

// A file that cannot be sent, and why.
export interface Refused {
  path: string;
  why: Key;
}

// What archives may unfold to, so that a small one cannot fill the machine.
const mostEntries = 10_000;
const mostUnfolded = 4 * 1024 ** 3;

export async function isZip(blob: Blob): Promise<boolean> {
  const head = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03 && head[3] === 0x04;
}

// What was unfolded is counted, against an archive that lies about its sizes.
async function unfold(entry: FileEntry): Promise<Blob> {
  let size = 0;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      size += piece.length;
      if (size > mostUnfolded) {
        throw new Error('too large');
      }
      controller.enqueue(piece);
    },
  });
  const [blob] = await Promise.all([new Response(readable).blob(), entry.getData(writable)]);
  return blob;
}

export async function unzip(archive: Source): Promise<{ sources: Source[]; refused: Refused[] }> {
  const sources: Source[] = [];
  const refused: Refused[] = [];
  const reader = new ZipReader(new BlobReader(archive.blob));
  try {
    const entries = (await reader.getEntries()).filter((entry): entry is FileEntry => !entry.directory);
    const size = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    if (entries.length > mostEntries || size > mostUnfolded) {
      return { sources, refused: [{ path: archive.path, why: 'archiveTooLarge' }] };
    }
    for (const entry of entries) {
      const path = `${archive.path}/${entry.filename}`;
      if (entry.encrypted) {
        refused.push({ path, why: 'encrypted' });
        continue;
      }
      try {
        sources.push({ path, blob: await unfold(entry) });
      } catch {
        refused.push({ path, why: 'damaged' });
      }
    }
  } catch {
    refused.push({ path: archive.path, why: 'archiveDamaged' });
  } finally {
    await reader.close().catch(() => undefined);
  }
  return { sources, refused };
}

async function walk(entry: FileSystemEntry): Promise<Source[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((found, failed) => (entry as FileSystemFileEntry).file(found, failed));
    return [{ path: entry.fullPath.replace(/^\//, ''), blob: file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const sources: Source[] = [];
  for (;;) {
    // A browser gives a folder in parts.
    const part = await new Promise<FileSystemEntry[]>((found, failed) => reader.readEntries(found, failed));
    if (part.length === 0) {
      return sources;
    }
    for (const child of part) {
      sources.push(...(await walk(child)));
    }
  }
}

export async function dropped(transfer: DataTransfer): Promise<Source[]> {
  // Before anything is waited for: what was dropped is only there during the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = [...transfer.files];
  return entries.length > 0 ? (await Promise.all(entries.map(walk))).flat() : chosen(files);
}

export function chosen(files: Iterable<File>): Source[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}
