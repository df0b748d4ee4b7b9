/** The Session Expiry Interval of MQTT 5.0, where a number stands for something else than seconds. */

/** A Session Expiry Interval that never ends [MQTT 5.0, 3.1.2.11.2]. */
export const NEVER_EXPIRES = 0xffffffff
