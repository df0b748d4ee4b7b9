/** The names of the database's tables. Must not know their content. */

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
