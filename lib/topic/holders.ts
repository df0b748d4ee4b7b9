/**
 * The values of one topic filter, by key: a single value without a container (the usual case), or a Map of several.
 * Must not know topics.
 */

/** The only value of a filter, with its key. */
export class Holder<K, V> {
  readonly key: K
  value: V

  constructor(key: K, value: V) {
    this.key = key
    this.value = value
  }
}

/** The values of a filter: at least one. */
export type Holders<K, V> = Holder<K, V> | Map<K, V>

/** The value of a key. */
export function holderOf<K, V>(holders: Holders<K, V> | undefined, key: K): V | undefined {
  if (holders instanceof Map) return holders.get(key)
  return holders?.key === key ? holders.value : undefined
}

/** Returns the holders with the key's value set. */
export function withHolder<K, V>(holders: Holders<K, V> | undefined, key: K, value: V): Holders<K, V> {
  if (holders === undefined) return new Holder(key, value)
  if (holders instanceof Map) return holders.set(key, value)
  if (holders.key !== key) return new Map([[holders.key, holders.value]]).set(key, value)
  holders.value = value
  return holders
}

/** Returns the holders without the key's value; undefined if it was the last one. */
export function withoutHolder<K, V>(holders: Holders<K, V> | undefined, key: K): Holders<K, V> | undefined {
  if (!(holders instanceof Map)) return holders?.key === key ? undefined : holders
  holders.delete(key)
  if (holders.size !== 1) return holders
  const [[lastKey, lastValue]] = holders as unknown as [[K, V]]
  return new Holder(lastKey, lastValue)
}

/** Appends the values to an array. */
export function appendHolders<K, V>(values: V[], holders: Holders<K, V> | undefined): void {
  if (holders instanceof Map) for (const value of holders.values()) values.push(value)
  else if (holders !== undefined) values.push(holders.value)
}
