/**
 * The ledger of the billing example. A charge is acknowledged after it is on the disk, so none is lost; one that comes
 * again is known by its key, so none counts twice. Arguments: port, folder.
 */
import { connect } from 'mqtt'
import { again } from './again.js'
import { Journal } from './journal.js'

const [port, folder] = process.argv.slice(2)
const journal = new Journal(`${folder}/ledger.journal`)
const known = new Set(journal.lines.map(line => line.split(' ')[1]))

const client = connect(`mqtt://127.0.0.1:${port}`, { clientId: 'ledger', clean: false, reconnectPeriod: 50 })
client.on('error', () => {})
// The acknowledgement waits for the callback. Set before the first packet can come.
client.handleMessage = ({ payload }, done) => {
  const { key, cents } = JSON.parse(payload.toString())
  journal.append(`${known.has(key) ? 'again' : 'charge'} ${key} ${cents}`)
  known.add(key)
  done()
}
await new Promise<void>(resolve => client.once('connect', () => resolve()))
// QoS 1 is enough: what comes twice is known by its key.
await again(() => client.subscribeAsync('charges/#', { qos: 1 }))
console.log('subscribed')
