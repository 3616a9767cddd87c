// SPDX-License-Identifier: GPL-3.0-or-later
//
// Opens a link: what stands after the '#' is exchanged for a cookie that no script can read, and goes from the
// address bar before anything else happens.

import { byId } from './dom';
import { type Key, text } from './messages';

const reasons: Record<string, Key> = { unknown: 'linkUnknown', expired: 'linkExpired', used: 'linkUsed' };

const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const state = byId('state');
state.textContent = text('opening');

try {
  const answer = await fetch('/viewer/open', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: token || '-' }),
  });
  const body = await answer.json();
  if (answer.ok) {
    location.replace(body.url);
  } else {
    state.className = 'bad';
    state.textContent = text(reasons[body.reason] ?? 'failed');
  }
} catch {
  state.className = 'bad';
  state.textContent = text('failed');
}
