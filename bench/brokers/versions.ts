/** Which version of each broker takes part. Asks the programs and the packages; starts no broker. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type BrokerName, brokers } from '../types.js'
import { mosquitto, newestMosquitto } from './programs/mosquitto.js'
import { peerVersion } from './programs/peers.js'

/** @param manifest from the root of the repository; not every package lets its own be imported */
function packageVersion(manifest: string): string {
  return JSON.parse(readFileSync(new URL(`../../../${manifest}`, import.meta.url), 'utf8')).version
}

function mosquittoVersion(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  return /version (\S+)/.exec(spawnSync(file, ['-h'], { encoding: 'utf8' }).stdout)?.[1]
}

/** Undefined where it is not installed, and of the relay. */
export function versionOf(name: BrokerName): string | undefined {
  switch (brokers[name].program) {
    case 'anax':
    case 'command':
      return packageVersion('package.json')
    case 'aedes':
      return packageVersion('node_modules/aedes/package.json')
    case 'mosquitto':
      return mosquittoVersion(mosquitto.file)
    case 'mosquitto-2.1':
      return mosquittoVersion(newestMosquitto.file)
    case 'rumqttd':
      return peerVersion('rumqttd')
    case 'mochi':
      return peerVersion('mochi')
    case 'relay':
      return undefined
  }
}
