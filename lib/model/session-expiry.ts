/** The special value of MQTT 5.0's Session Expiry Interval. */

/** The Session Expiry Interval of a session that never expires [MQTT 5.0, 3.1.2.11.2]. */
export const NEVER_EXPIRES = 0xffffffff
