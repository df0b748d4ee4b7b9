/**
 * The files of the dashboard as texts. scripts/dashboard.mjs writes the module at build, so that a bundle of an
 * application has them within it: they are not looked for on disk.
 */
export declare const PAGE_FILES: Readonly<Record<'index.html' | 'dashboard.js' | 'dashboard.css' | 'icon.svg', string>>
