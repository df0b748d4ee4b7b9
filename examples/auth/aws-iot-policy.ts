/**
 * A policy of AWS IoT Core, with its variables, as typed rules: devices with certificates keep the rights they have.
 * Copy `policyRules` into your program; run on its own, this file prints what a device may do.
 *
 *   npm run build && node dist/examples/auth/aws-iot-policy.js
 */
import { pathToFileURL } from 'node:url'
import { aclFile, allow, deny, type Rule } from 'anax/auth'

interface Statement {
  Effect: 'Allow' | 'Deny'
  Action: string | string[]
  Resource: string | string[]
}

export interface Policy {
  Version: string
  Statement: Statement[]
}

/** Variable of a policy -> the place in a rule. The common name is the user name with `clientCertificate()`. */
const VARIABLES: Record<string, string> = {
  'iot:ClientId': '%c',
  'iot:Connection.Thing.ThingName': '%c',
  'iot:Certificate.Subject.CommonName': '%u',
}

interface Meaning {
  /** The kind of a resource. */
  kind: string
  right: 'publish' | 'subscribe'
}

const ACTIONS: Record<string, Meaning> = {
  'iot:Publish': { kind: 'topic', right: 'publish' },
  'iot:Subscribe': { kind: 'topicfilter', right: 'subscribe' },
  'iot:Receive': { kind: 'topic', right: 'subscribe' },
}

/** `clientCertificate({ mustEqual: 'clientId' })` decides who may connect; receiving is allowed with subscribing. */
const IMPLIED = ['iot:Connect', 'iot:Receive']

/** Throws if rules cannot express it: no rule is better than one that allows more. */
export function policyRules({ Statement: statements }: Policy): Rule[] {
  return statements.flatMap(({ Effect, Action, Resource }) => {
    const make = Effect === 'Allow' ? allow : deny
    return [Action].flat().flatMap(action => {
      if (Effect === 'Allow' && IMPLIED.includes(action)) return []
      const { kind, right } = ACTIONS[action] ?? unknown(action)
      const topics = [Resource].flat().flatMap(resource => topicOf(resource, kind))
      return [make({ [right]: topics })]
    })
  })
}

/** In a policy, `*` covers the topics that begin with `$` as well; in rules, `#` does not. */
const ALL = ['#', '$aws/#']

/** `arn:aws:iot:REGION:ACCOUNT:topic/a/${iot:ClientId}/*` -> `a/%c/#` */
function topicOf(resource: string, kind: string): string[] {
  if (resource === '*') return ALL
  const [, found, path = ''] = /^arn:aws:iot:[^:]*:[^:]*:([a-z]+)\/(.*)$/.exec(resource) ?? []
  if (found !== kind) return []
  const filter = path
    .replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => VARIABLES[name] ?? unknown(resource))
    .replace(/(^|\/)\*$/, '$1#')
  // in the middle, `*` matches any number of levels, and `?` any character
  if (/[*?]/.test(filter)) return unknown(resource)
  return filter === '#' ? ALL : [filter]
}

function unknown(text: string): never {
  throw new Error(`${text} cannot be said in rules`)
}

const arn = (path: string) => `arn:aws:iot:eu-central-1:123456789012:${path}`

export const POLICY: Policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'iot:Connect', Resource: arn(`client/$\{iot:ClientId}`) },
    {
      Effect: 'Allow',
      Action: ['iot:Publish', 'iot:Receive'],
      Resource: [
        arn(`topic/$aws/things/$\{iot:Connection.Thing.ThingName}/shadow/*`),
        arn(`topic/dt/$\{iot:ClientId}/*`),
      ],
    },
    { Effect: 'Allow', Action: 'iot:Subscribe', Resource: arn(`topicfilter/cmd/$\{iot:ClientId}/*`) },
    { Effect: 'Deny', Action: 'iot:Publish', Resource: arn(`topic/dt/$\{iot:ClientId}/secret`) },
  ],
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const auth = aclFile({ everyone: policyRules(POLICY) })
  for (const [action, topic] of [
    ['publish', 'dt/d1/temperature'],
    ['publish', 'dt/d2/temperature'],
    ['publish', 'dt/d1/secret'],
    ['publish', '$aws/things/d1/shadow/update'],
    ['subscribe', 'cmd/d1/#'],
    ['subscribe', 'cmd/#'],
  ] as const) {
    const { allowed, code } = await auth.explain({ clientId: 'd1', action, topic })
    console.log(`${action} ${topic}: ${allowed ? 'allowed' : code}`)
  }
}
