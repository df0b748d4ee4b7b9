/** The entry point `anax/admin`: an HTTP request handler that inspects and controls a broker. */
export { Admin, type AdminEvents, createAdmin } from './admin.js'
export type { AuditAction, AuditRecord } from './audit.js'
export { type LogLine, LogTail } from './log-tail.js'
export type { AdminAuthorize, AdminOptions } from './options.js'
