/**
 * The files of the dashboard as texts. scripts/dashboard.mjs writes this module at build time, so that bundles contain
 * the files and none are read from disk.
 */
export declare const PAGE_FILES: Readonly<Record<'index.html' | 'dashboard.js' | 'dashboard.css' | 'icon.svg', string>>
