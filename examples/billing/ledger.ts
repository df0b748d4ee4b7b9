/**
 * The ledger of the billing example. A charge is acknowledged after it is on the disk, so none is lost; one that comes
 * again is known by its key, so none counts twice. Arguments: port, folder.
 */
import { connectAsync } from 'mqtt'
import { Journal } from './journal.js'

const [port, folder] = process.argv.slice(2)
const journal = new Journal(`${folder}/ledger.journal`)
const known = new Set(journal.lines.map(line => line.split(' ')[1]))

const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
  clientId: 'ledger',
  clean: false,
  reconnectPeriod: 50,
  manualConnect: true,
})
client.on('error', () => {})
// The acknowledgement waits for the callback.
client.handleMessage = ({ payload }, done) => {
  const { key, cents } = JSON.parse(payload.toString())
  journal.append(`${known.has(key) ? 'again' : 'charge'} ${key} ${cents}`)
  known.add(key)
  done()
}
