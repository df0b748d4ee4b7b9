/**
 * A publisher or a subscriber as a process, to be killed. Arguments: its description as JSON, the number of the start.
 */

import { sayReady } from '../processes/to-parent.js'
import { Random } from '../random.js'
import type { World } from './actor.js'
import type { ClientDescription, SubscriberDescription } from './client-description.js'
import { Publisher } from './publisher.js'
import { Subscriber } from './subscriber.js'

const description: ClientDescription | SubscriberDescription = JSON.parse(process.argv[2]!)
const random = new Random(description.seed, `${description.clientId} ${process.argv[3]}`)
const world: World = { port: description.port, isRough: true }
// The only kind of message: publish and disconnect no more.
process.once('message', () => {
  world.isRough = false
})

if ('filters' in description) {
  const subscriber = new Subscriber(world, description, random)
  subscriber.start()
  await subscriber.subscribed
} else {
  new Publisher(world, description, random).start()
}
sayReady()
