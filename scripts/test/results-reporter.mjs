/**
 * A reporter for Node's test runner: one line of JSON for each finished test, for the summary of scripts/test.mjs.
 * Knows the runner's events and nothing of the tests.
 */
export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details.type === 'suite' && !speaksForItself(data)) continue
    yield `${JSON.stringify(resultOf(type, data))}\n`
  }
}

/** A suite counts only if its tests do not: if it is skipped as a whole, or fails itself (in a hook). */
function speaksForItself({ skip, details }) {
  return skip !== undefined || (details.error !== undefined && details.error.failureType !== 'subtestsFailed')
}

function resultOf(type, { name, skip, todo }) {
  const reason = skip ?? todo
  if (reason !== undefined)
    return { name, outcome: 'skipped', reason: typeof reason === 'string' ? reason : 'no reason given' }
  return { name, outcome: type === 'test:pass' ? 'passed' : 'failed' }
}
