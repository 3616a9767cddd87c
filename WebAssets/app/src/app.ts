// SPDX-License-Identifier: GPL-3.0-or-later
//
// The web application: signing in, and the way to its pages.

import { call } from './api';
import { byId, element, field } from './dom';
import { type Key, text } from './messages';
import { showStudies } from './studies';
import { uploadPage } from './upload';
import { uploadsPage } from './uploads';

const main = byId('main');
const who = byId('who');
const ways = byId('ways');
let user = '';
let turns = 0; // how often a page was chosen
// Lives on while another page is looked at, so that what is being sent is sent.
let upload: HTMLElement | null = null;

function show(...children: (Node | string)[]): void {
  main.replaceChildren(...children);
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
  ways.replaceChildren();
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
  user = '';
  upload = null;
  signIn();
}

// Nothing if nobody is signed in any more.
async function studiesPage(): Promise<Node | null> {
  const page = element('div', {});
  let isOver = false;
  await showStudies(page, () => {
    isOver = true;
    signIn();
  });
  return isOver ? null : page;
}

// The pages, by what stands after the '#'.
const pages: { hash: string; title: Key; make: () => Node | Promise<Node | null> }[] = [
  { hash: '', title: 'studies', make: () => studiesPage() },
  { hash: '#upload', title: 'upload', make: () => (upload ??= uploadPage()) },
  { hash: '#uploads', title: 'uploadLog', make: () => uploadsPage() },
];

async function showPage(): Promise<void> {
  const page = pages.find(({ hash }) => hash === location.hash) ?? pages[0]!;
  ways.replaceChildren(...pages.map(({ hash, title }) =>
    element('a', { href: hash || '#', ...(hash === page.hash ? { 'aria-current': 'page' } : {}) }, text(title))));
  document.title = `${text(page.title)} – Orthanc Clinic`;
  const turn = (turns += 1);
  const made = await page.make();
  // Another page may have been chosen meanwhile.
  if (made !== null && turn === turns) {
    show(made);
  }
}

async function start(): Promise<void> {
  const answer = await call('GET', '/auth/me');
  if (answer.status === 401) {
    signIn();
    return;
  }
  if (answer.ok) {
    const { name } = await answer.json();
    if (name !== user) {
      user = name;
      upload = null; // the files of whoever was here before
    }
    who.replaceChildren(name, element('button', { type: 'button', click: () => void signOut() }, text('signOut')));
  }
  await showPage(); // where Orthanc itself lets people in, nobody signs in here
}

addEventListener('hashchange', () => void start());
await start();
