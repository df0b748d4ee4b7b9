/**
 * The values that one topic filter holds, by key: one value without a container (the usual case), or a Map of several.
 * Knows nothing of topics.
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

/** What a filter holds: at least one value. */
export type Holders<K, V> = Holder<K, V> | Map<K, V>

/** The value of a key. */
export function holderOf<K, V>(holders: Holders<K, V> | undefined, key: K): V | undefined {
  if (holders instanceof Map) return holders.get(key)
  return holders?.key === key ? holders.value : undefined
}

/** Holders with the key's value added or replaced. */
export function withHolder<K, V>(holders: Holders<K, V> | undefined, key: K, value: V): Holders<K, V> {
  if (holders === undefined) return new Holder(key, value)
  if (holders instanceof Map) return holders.set(key, value)
  if (holders.key !== key) return new Map([[holders.key, holders.value]]).set(key, value)
  holders.value = value
  return holders
}

/** Holders with the key's value removed; undefined when it was the last. */
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
