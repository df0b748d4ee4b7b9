/** A message that came through a shared subscription and that its member did not finish. */
import type { Message } from '../../types/message.js'

/** A message that other members of a shared subscription may get. */
export interface SharedDelivery {
  message: Message
  /** The whole `$share/…` filter. */
  share: string
}
