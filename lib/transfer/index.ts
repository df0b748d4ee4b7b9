/** The exports of `anax/transfer`: stores as lines of JSON, to move data from one store to another. */
export { type ExportableStore, type ExportOptions, exportStore } from './export.js'
export { type ImportResult, type ImportTarget, importStore } from './import.js'
export { clientIdsInLevel, type LevelKeys } from './level.js'
export { isMosquittoDatabase, readMosquitto } from './mosquitto.js'
export {
  HEADER,
  type HeaderRecord,
  lineOf,
  type QueuedRecord,
  type RetainedRecord,
  recordIn,
  recordsIn,
  type SessionRecord,
  type StoreRecord,
  type WillRecord,
} from './records.js'
