/** The names of the database's tables. Must not know what is in them. */

/** The names of all tables. */
export const TABLES = [
  'sessions',
  'subscriptions',
  'incoming',
  'queues',
  'entries',
  'messages',
  'holders',
  'refs',
  'retained',
  'wills',
  'deadlines',
  'ended',
  'state',
] as const

/** The name of a table. */
export type TableName = (typeof TABLES)[number]
