/** One session: what is known of it, its subscriptions, what waits for it; kick and delete. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { useAnswer, useRefresh } from '../answers.js'
import { call, type Queued, query, type Session, type Subscription, sessionPath, type Traffic } from '../api.js'
import { bytes, moment, number, optionsOf, payload, VERSIONS } from '../format.js'
import { Danger, Failure, State, Table } from '../parts.js'

interface Props {
  clientId: string
  close: () => void
  /** Called when something was done to it. */
  changed: () => void
}

/** The name of a session in a list: a button that opens its details. */
export function SessionLink({ clientId, choose }: { clientId: string; choose: (clientId: string) => void }) {
  return (
    <button type="button" class="link" onClick={() => choose(clientId)}>
      {clientId || '(empty)'}
    </button>
  )
}

/** The details of the session that was chosen in a list. */
export function useDetails(changed: () => void) {
  const [chosen, choose] = useState<string>()
  const close = () => choose(undefined)
  const details = chosen !== undefined && (
    <SessionDetails key={chosen} clientId={chosen} close={close} changed={changed} />
  )
  return { details, choose }
}

function SessionDetails({ clientId, close, changed }: Props) {
  const path = sessionPath(clientId)
  const { answer: session, error, again } = useAnswer<Session>(path)
  useRefresh(again)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  const done = () => {
    again()
    changed()
  }
  const kick = () => call('POST', `${path}/disconnect`, { reasonString: 'Disconnected by an administrator' }).then(done)
  const remove = () => call('DELETE', path).then(changed).then(close)
  return (
    <section class="details" aria-labelledby="details">
      <h2 id="details" ref={heading} tabIndex={-1}>
        {clientId}
      </h2>
      <div class="actions">
        {session?.connected && (
          <Danger label="Kick" question={`Disconnect ${clientId}? It may come back.`} run={kick} />
        )}
        {session && (
          <Danger
            label="Delete session"
            question={`Delete the session of ${clientId}, with its subscriptions and ${session.queued.messages} messages?`}
            run={remove}
          />
        )}
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
      <Failure text={error} />
      {session && <Facts session={session} />}
      <Subscriptions clientId={clientId} />
      <Queue path={path} />
    </section>
  )
}

function Facts({ session }: { session: Session }) {
  const facts = [
    ['State', <State key="state" connected={session.connected} />],
    ['User', session.username ?? '–'],
    ['Address', session.address ?? '–'],
    ['MQTT', VERSIONS[session.protocolVersion ?? 0] ?? '–'],
    ['Connected', moment(session.connectedAt)],
    ...(session.connected ? [] : [['Left', moment(session.disconnectedAt)] as const]),
    ['In', traffic(session.received, session.receivedPerSecond)],
    ['Out', traffic(session.sent, session.sentPerSecond)],
    ['Keep alive', session.keepalive === undefined ? '–' : `${session.keepalive} s`],
    ['Queued', `${number(session.queued.messages)}, ${bytes(session.queued.bytes)}`],
    ['In flight', number(session.inflight)],
    ['Dropped', number(session.drops)],
  ] as const
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Since the client connected. */
function traffic(total: Traffic | undefined, perSecond: number | undefined): string {
  if (total === undefined) return '–'
  const rate = perSecond === undefined ? '' : `, ${number(perSecond)}/s`
  return `${number(total.messages)}, ${bytes(total.bytes)}${rate}`
}

function Subscriptions({ clientId }: { clientId: string }) {
  const { answer, error } = useAnswer<{ items: Subscription[] }>(`subscriptions${query({ clientId })}`)
  return (
    <>
      <h3>Subscriptions</h3>
      <Failure text={error} />
      <Table
        caption="Subscriptions"
        heads={['Filter', 'QoS', 'Options']}
        rows={(answer?.items ?? []).map(subscription => [
          subscription.topic,
          number(subscription.qos),
          optionsOf(subscription),
        ])}
        empty="It has none."
      />
    </>
  )
}

function Queue({ path }: { path: string }) {
  const { answer, error } = useAnswer<{ items: Queued[]; more: boolean }>(`${path}/queue?limit=50`)
  const rows = (answer?.items ?? []).map(({ message, qos, packetId }) => [
    message?.topic ?? '(received, not released)',
    message ? <code key="payload">{payload(message, 'text').slice(0, 200)}</code> : '–',
    number(qos),
    packetId === undefined ? 'waits' : 'was sent',
  ])
  return (
    <>
      <h3>Queue</h3>
      <Failure text={error} />
      <Table caption="Queue" heads={['Topic', 'Payload', 'QoS', 'State']} rows={rows} empty="Nothing waits for it." />
      {answer?.more && <p class="empty">And more: these are the oldest 50.</p>}
    </>
  )
}
