/**
 * A consumer of the billing example, with MQTT.js: the ledger gets every charge; the clerks share them, so that each goes
 * to one of them. A charge is acknowledged after it is on the disk, so none is lost. Arguments: name, filter, port,
 * folder.
 */
import { connect } from 'mqtt'
import { again } from './again.js'
import { Charges } from './charges.js'

const [name = '', filter = '', port, folder] = process.argv.slice(2)
const charges = new Charges(`${folder}/${name}.journal`)

const client = connect(`mqtt://127.0.0.1:${port}`, {
  clientId: name,
  clean: false,
  reconnectPeriod: 50,
  reconnectOnConnackError: true,
})
client.on('error', () => {})
// The acknowledgement waits for the callback. Set before the first packet can come.
client.handleMessage = ({ payload }, done) => {
  charges.take(payload as Buffer)
  done()
}
await new Promise<void>(resolve => client.once('connect', () => resolve()))
// QoS 1 is enough: duplicates are recognized by their key.
await again(() => client.subscribeAsync(filter, { qos: 1 }))
console.log('subscribed')
