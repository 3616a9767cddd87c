// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the pages say, in the four languages.

import i18next from 'i18next';

const resources = {
  en: {
    signIn: 'Sign in', userName: 'User name', password: 'Password', signOut: 'Sign out',
    notRight: 'The name or the password is not right, or the account is locked for some minutes.',
    tooMany: 'Too many attempts. Wait a minute.',
    choosePassword: 'Choose a new password', newPassword: 'New password (at least 12 characters)', save: 'Save',
    studies: 'Studies', patient: 'Patient', date: 'Date', modality: 'Modality', description: 'Description',
    accession: 'Accession number', match: 'Filed under', view: 'View images', compare: 'Compare ({{count}})',
    select: 'Select {{patient}}', search: 'Search', none: 'There is no study here.', previous: 'Previous', next: 'Next',
    range: '{{first}} to {{last}} of {{total}}', notAllowed: 'You may not see studies.',
    failed: 'The server cannot answer now. Try again later.',
    matched: 'filed', review: 'to be reviewed', unmatched: 'nobody', pending: 'being decided',
    elsewhere: 'Sign in with your organisation', elsewhereFailed: 'The sign-in with your organisation did not succeed. Ask your administrator.',
    opening: 'Opening the images…',
    linkUnknown: 'This link is not valid. Ask whoever sent it for a new one.',
    linkExpired: 'This link has expired. Ask whoever sent it for a new one.',
    linkUsed: 'This link was used already and opens only so often. Ask whoever sent it for a new one.',
  },
  fr: {
    signIn: 'Se connecter', userName: 'Nom d’utilisateur', password: 'Mot de passe', signOut: 'Se déconnecter',
    notRight: 'Le nom ou le mot de passe est inexact, ou le compte est bloqué pour quelques minutes.',
    tooMany: 'Trop de tentatives. Attendez une minute.',
    choosePassword: 'Choisissez un nouveau mot de passe', newPassword: 'Nouveau mot de passe (au moins 12 caractères)', save: 'Enregistrer',
    studies: 'Examens', patient: 'Patient', date: 'Date', modality: 'Modalité', description: 'Description',
    accession: 'Numéro d’accession', match: 'Classé sous', view: 'Voir les images', compare: 'Comparer ({{count}})',
    select: 'Choisir {{patient}}', search: 'Chercher', none: 'Il n’y a aucun examen ici.', previous: 'Précédent', next: 'Suivant',
    range: '{{first}} à {{last}} sur {{total}}', notAllowed: 'Vous n’avez pas le droit de voir les examens.',
    failed: 'Le serveur ne peut pas répondre. Réessayez plus tard.',
    matched: 'classé', review: 'à vérifier', unmatched: 'personne', pending: 'en décision',
    elsewhere: 'Se connecter par votre organisation', elsewhereFailed: 'La connexion par votre organisation a échoué. Adressez-vous à votre administrateur.',
    opening: 'Ouverture des images…',
    linkUnknown: 'Ce lien n’est pas valide. Demandez-en un nouveau à la personne qui l’a envoyé.',
    linkExpired: 'Ce lien a expiré. Demandez-en un nouveau à la personne qui l’a envoyé.',
    linkUsed: 'Ce lien a déjà servi et ne s’ouvre plus. Demandez-en un nouveau à la personne qui l’a envoyé.',
  },
  es: {
    signIn: 'Iniciar sesión', userName: 'Usuario', password: 'Contraseña', signOut: 'Cerrar sesión',
    notRight: 'El usuario o la contraseña no es correcto, o la cuenta está bloqueada unos minutos.',
    tooMany: 'Demasiados intentos. Espere un minuto.',
    choosePassword: 'Elija una contraseña nueva', newPassword: 'Contraseña nueva (al menos 12 caracteres)', save: 'Guardar',
    studies: 'Estudios', patient: 'Paciente', date: 'Fecha', modality: 'Modalidad', description: 'Descripción',
    accession: 'Número de acceso', match: 'Archivado en', view: 'Ver imágenes', compare: 'Comparar ({{count}})',
    select: 'Seleccionar {{patient}}', search: 'Buscar', none: 'No hay ningún estudio aquí.', previous: 'Anterior', next: 'Siguiente',
    range: '{{first}} a {{last}} de {{total}}', notAllowed: 'No puede ver estudios.',
    failed: 'El servidor no puede responder ahora. Inténtelo más tarde.',
    matched: 'archivado', review: 'por revisar', unmatched: 'nadie', pending: 'en decisión',
    elsewhere: 'Iniciar sesión con su organización', elsewhereFailed: 'El inicio de sesión con su organización no tuvo éxito. Consulte a su administrador.',
    opening: 'Abriendo las imágenes…',
    linkUnknown: 'Este enlace no es válido. Pida uno nuevo a quien se lo envió.',
    linkExpired: 'Este enlace ha caducado. Pida uno nuevo a quien se lo envió.',
    linkUsed: 'Este enlace ya se usó y no se abre más. Pida uno nuevo a quien se lo envió.',
  },
  zh: {
    signIn: '登录', userName: '用户名', password: '密码', signOut: '退出',
    notRight: '用户名或密码不正确，或账户已被暂时锁定。',
    tooMany: '尝试次数过多，请稍等一分钟。',
    choosePassword: '请设置新密码', newPassword: '新密码（至少 12 个字符）', save: '保存',
    studies: '检查', patient: '患者', date: '日期', modality: '设备类型', description: '描述',
    accession: '检查号', match: '归档于', view: '查看影像', compare: '对比（{{count}}）',
    select: '选择 {{patient}}', search: '搜索', none: '没有检查。', previous: '上一页', next: '下一页',
    range: '第 {{first}} 至 {{last}} 项，共 {{total}} 项', notAllowed: '您无权查看检查。',
    failed: '服务器暂时无法响应，请稍后再试。',
    matched: '已归档', review: '待审核', unmatched: '无', pending: '处理中',
    elsewhere: '通过所在机构登录', elsewhereFailed: '通过所在机构登录未成功，请联系管理员。',
    opening: '正在打开影像…',
    linkUnknown: '此链接无效。请向发送者索取新的链接。',
    linkExpired: '此链接已过期。请向发送者索取新的链接。',
    linkUsed: '此链接已被使用，无法再次打开。请向发送者索取新的链接。',
  },
};

export type Key = keyof (typeof resources)['en'];

const language = navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in resources) ?? 'en';
await i18next.init({
  lng: language,
  fallbackLng: 'en',
  // Everything is put into the page as text, never as HTML.
  interpolation: { escapeValue: false },
  resources: Object.fromEntries(Object.entries(resources).map(([name, translation]) => [name, { translation }])),
});
document.documentElement.lang = language;

export function text(key: Key, values: Record<string, string | number> = {}): string {
  return i18next.t(key, values);
}
