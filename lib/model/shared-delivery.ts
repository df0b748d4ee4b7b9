/** An unfinished message of a shared subscription. */
import type { Message } from '../../types/message/message.js'

/** A message that other members of a shared subscription may get. */
export interface SharedDelivery {
  message: Message
  /** The whole `$share/…` filter. */
  share: string
}
