/** What `anax/admin` exports: a handler of HTTP requests that shows and steers a broker. */
export { Admin, type AdminEvents, createAdmin } from './admin.js'
export type { AuditAction, AuditRecord } from './audit.js'
export { type LogLine, LogTail } from './log-tail.js'
export type { AdminAuthorize, AdminOptions } from './options.js'
