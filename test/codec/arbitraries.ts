/** Generators of valid packets for property-based tests: {@link packets} for a version and a reader. */
import fc from 'fast-check'
import type { Packet, ProtocolVersion, QoS, UserProperties } from '../../types/message/packets.js'
import type { Side } from './support.js'

const text = fc.string({ unit: 'binary', maxLength: 12 }).map(value => value.replaceAll('\0', ''))
const nonEmpty = text.map(value => value || 'x')
const topicName = text.map(value => value.replaceAll(/[+#]/g, '') || 't')
const level = fc.oneof(
  text.map(value => value.replaceAll(/[/+#]/g, '')),
  fc.constant('+'),
)
const topicFilter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => (all ? [...levels, '#'] : levels).join('/'))
  .filter(filter => filter !== '' && !filter.startsWith('$share/'))
const binary = fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes))
const uint16 = fc.integer({ min: 0, max: 0xffff })
const positive16 = fc.integer({ min: 1, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const positive32 = fc.integer({ min: 1, max: 0xffff_ffff })
const qos = fc.constantFrom<QoS>(0, 1, 2)
const identifier = fc.integer({ min: 1, max: 268_435_455 })

const userProperties = fc
  .dictionary(fc.constantFrom('a', 'b', 'é', '7'), fc.oneof(text, fc.array(nonEmpty, { minLength: 2, maxLength: 3 })), {
    minKeys: 1,
  })
  .map(object => object as UserProperties)

type Fields = Record<string, fc.Arbitrary<unknown>>

const reason: Fields = { reasonString: text, userProperties }
const message: Fields = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topicName,
  correlationData: binary,
  userProperties,
}

/** An object with all required and some optional fields. */
function record(required: Fields, optional: Fields = {}): fc.Arbitrary<Record<string, unknown>> {
  return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) })
}

/** Properties, if the version has them and if there are any. */
function withProperties(version: ProtocolVersion, fields: Fields): Fields {
  if (version !== 5) return {}
  return { properties: record({}, fields).filter(properties => Object.keys(properties).length > 0) }
}

function connect(version: ProtocolVersion): fc.Arbitrary<Record<string, unknown>> {
  const will = record(
    { topic: topicName, payload: binary, qos, retain: fc.boolean() },
    withProperties(version, { ...message, willDelayInterval: uint32 }),
  )
  const fields: Fields = {
    sessionExpiryInterval: uint32,
    receiveMaximum: positive16,
    maximumPacketSize: positive32,
    topicAliasMaximum: uint16,
    requestResponseInformation: fc.boolean(),
    requestProblemInformation: fc.boolean(),
    userProperties,
    authenticationMethod: text,
  }
  const required: Fields = {
    cmd: fc.constant('connect'),
    protocolId: fc.constant(version === 3 ? 'MQIsdp' : 'MQTT'),
    protocolVersion: fc.constant(version),
    clean: fc.boolean(),
    keepalive: uint16,
    clientId: nonEmpty,
  }
  const credentials = fc.constantFrom([], ['username'], ['username', 'password'])
  return credentials.chain(names => {
    const optional = { will, ...withProperties(version, fields) }
    const present = Object.fromEntries(names.map(name => [name, name === 'username' ? text : binary]))
    return record({ ...required, ...present }, optional)
  })
}

function connack(version: ProtocolVersion): fc.Arbitrary<Record<string, unknown>> {
  const required = { cmd: fc.constant('connack'), sessionPresent: fc.boolean() }
  if (version !== 5) return record({ ...required, returnCode: fc.integer({ min: 0, max: 5 }) })
  const fields: Fields = {
    sessionExpiryInterval: uint32,
    receiveMaximum: positive16,
    maximumQoS: fc.constantFrom(0, 1),
    retainAvailable: fc.boolean(),
    maximumPacketSize: positive32,
    assignedClientIdentifier: text,
    topicAliasMaximum: uint16,
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifiersAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
    serverKeepAlive: uint16,
    responseInformation: text,
    serverReference: text,
    authenticationMethod: text,
    authenticationData: binary,
    ...reason,
  }
  const reasonCode = fc.constantFrom(0, 0x80, 0x81, 0x84, 0x87, 0x8c, 0x95, 0x9f)
  return record({ ...required, reasonCode }, withProperties(5, fields))
}

function publish(version: ProtocolVersion, side: Side): fc.Arbitrary<Record<string, unknown>> {
  const identifiers = fc.oneof(identifier, fc.array(identifier, { minLength: 2, maxLength: 4 }))
  const fields = {
    ...message,
    topicAlias: positive16,
    ...(side === 'client' && { subscriptionIdentifier: identifiers }),
  }
  return qos.chain(level =>
    record(
      {
        cmd: fc.constant('publish'),
        topic: topicName,
        payload: fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
        qos: fc.constant(level),
        dup: level === 0 ? fc.constant(false) : fc.boolean(),
        retain: fc.boolean(),
        ...(level > 0 && { messageId: positive16 }),
      },
      withProperties(version, fields),
    ),
  )
}

function answer(version: ProtocolVersion, cmd: string, codes: number[]): fc.Arbitrary<Record<string, unknown>> {
  const required = { cmd: fc.constant(cmd), messageId: positive16 }
  if (version !== 5) return record(required)
  return record({ ...required, reasonCode: fc.constantFrom(...codes) }, withProperties(5, reason))
}

function fromClient(version: ProtocolVersion): fc.Arbitrary<Record<string, unknown>>[] {
  const options = version === 5 ? { nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) } : {}
  const subscriptions = fc.array(record({ topic: topicFilter, qos, ...options }), { minLength: 1, maxLength: 4 })
  return [
    connect(version),
    record(
      { cmd: fc.constant('subscribe'), messageId: positive16, subscriptions },
      withProperties(version, { subscriptionIdentifier: identifier, userProperties }),
    ),
    record(
      {
        cmd: fc.constant('unsubscribe'),
        messageId: positive16,
        unsubscriptions: fc.array(topicFilter, { minLength: 1, maxLength: 4 }),
      },
      withProperties(version, { userProperties }),
    ),
    record({ cmd: fc.constant('pingreq') }),
    ending(version, [0, 4, 0x81], { ...reason, sessionExpiryInterval: uint32 }),
    ...(version === 5 ? [auth([0x18, 0x19])] : []),
  ]
}

function fromBroker(version: ProtocolVersion): fc.Arbitrary<Record<string, unknown>>[] {
  const codes = (values: number[]) => fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 4 })
  const granted = codes(version === 5 ? [0, 1, 2, 0x80, 0x8f, 0xa2] : [0, 1, 2, 0x80])
  const unsuback = { cmd: fc.constant('unsuback'), messageId: positive16 }
  return [
    connack(version),
    record({ cmd: fc.constant('suback'), messageId: positive16, granted }, withProperties(version, reason)),
    record(
      { ...unsuback, granted: version === 5 ? codes([0, 0x11, 0x87]) : fc.constant([]) },
      withProperties(version, reason),
    ),
    record({ cmd: fc.constant('pingresp') }),
    ...(version === 5 ? [ending(5, [0, 0x8b, 0x9d], { ...reason, serverReference: text }), auth([0, 0x18])] : []),
  ]
}

function ending(version: ProtocolVersion, codes: number[], fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const cmd = fc.constant('disconnect')
  if (version !== 5) return record({ cmd })
  return record({ cmd, reasonCode: fc.constantFrom(...codes) }, withProperties(5, fields))
}

function auth(codes: number[]): fc.Arbitrary<Record<string, unknown>> {
  const properties = record({ authenticationMethod: text }, { authenticationData: binary, ...reason })
  return record({ cmd: fc.constant('auth'), reasonCode: fc.constantFrom(...codes), properties })
}

/** Packets of all kinds that `side` may read. */
export function packets(version: ProtocolVersion, side: Side): fc.Arbitrary<Packet> {
  return fc
    .oneof(
      { weight: 3, arbitrary: publish(version, side) },
      ...(side === 'broker' ? fromClient(version) : fromBroker(version)),
      answer(version, 'puback', [0, 0x10, 0x97]),
      answer(version, 'pubrec', [0, 0x10, 0x97]),
      answer(version, 'pubrel', [0, 0x92]),
      answer(version, 'pubcomp', [0, 0x92]),
    )
    .map(packet => packet as unknown as Packet)
}
