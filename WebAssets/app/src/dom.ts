// SPDX-License-Identifier: GPL-3.0-or-later
//
// Elements made in one line. Text is only ever text: a patient's name cannot become HTML.

import { type Key, text } from './messages';

type Attributes = Record<string, string | boolean | EventListener>;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      made.addEventListener(key, value);
    } else if (value === true) {
      made.setAttribute(key, '');
    } else if (value !== false) {
      made.setAttribute(key, value);
    }
  }
  made.append(...children);
  return made;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new Error(`The page has no #${id}`);
  }
  return found;
}

export function field(label: Key, name: string, type: string, more: Record<string, string | boolean> = {}): HTMLLabelElement {
  return element('label', {}, text(label), element('input', { name, type, ...more }));
}
