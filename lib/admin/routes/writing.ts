/**
 * The routes that change something: disconnect, delete and publish.
 * Each names the target for its audit record.
 */
import type { DisconnectOptions } from '../../../types/client/client.js'
import { type Exchange, readObject } from '../exchange.js'
import { invalid, notFound } from '../problem.js'
import { onlyNames, publishInput } from './messages.js'
import type { Parts } from './reading.js'

/** Reports the target of a write as soon as it is known. */
export type Target = (target: string) => void

export async function disconnect({ broker }: Parts, { id, request }: Exchange, about: Target) {
  about(id)
  const options = disconnectOptions(await readObject(request))
  if (!(await broker.disconnect(id, options))) throw notFound('This client is not connected')
  return { done: true }
}

export async function deleteSession({ broker }: Parts, { id }: Exchange, about: Target) {
  about(id)
  if (!(await broker.deleteSession(id))) throw notFound('There is no such session')
  return { done: true }
}

export async function publish({ broker }: Parts, { request }: Exchange, about: Target) {
  const message = publishInput(await readObject(request))
  about(message.topic)
  await broker.publish(message)
  return { done: true }
}

export async function deleteRetained({ broker }: Parts, { query }: Exchange, about: Target) {
  const filter = query.get('filter')
  if (filter === null) throw invalid('filter must be given')
  about(filter)
  return { deleted: await broker.deleteRetained(filter) }
}

function disconnectOptions(body: Record<string, unknown>): DisconnectOptions {
  onlyNames(body, ['reasonString', 'will'])
  const { reasonString, will } = body
  if (reasonString !== undefined && typeof reasonString !== 'string') throw invalid('reasonString must be a string')
  if (will !== undefined && will !== 'publish' && will !== 'discard')
    throw invalid("will must be 'publish' or 'discard'")
  return { ...(reasonString !== undefined && { reasonString }), ...(will !== undefined && { will }) }
}
