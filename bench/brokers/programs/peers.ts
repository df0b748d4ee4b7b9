/** The folder in which `npm run bench:peers` installs other brokers. Must not know its content. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isProgram } from '../process.js'

const FOLDER = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax', 'peers')

/** A program of a peer; undefined if it is not installed. */
export function peerProgram(peer: string, name: string): string | undefined {
  const file = join(FOLDER, peer, 'bin', name)
  return isProgram(file) ? file : undefined
}

/** The version in the package registry; undefined if the peer is not installed. */
export function peerVersion(peer: string): string | undefined {
  const file = join(FOLDER, peer, 'version')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}
