/** The exports of `anax/presence`: who is connected, as MQTT messages. */
export { type Presence, type PresenceOptions, publishPresence } from './presence.js'
export {
  escapeLevel,
  type PresenceChange,
  type PresenceMessage,
  type PresenceReason,
  type PresenceShape,
  SHAPES,
} from './shapes.js'
