/**
 * The PROXY protocol, versions 1 and 2: reads the header that a proxy puts in front of a connection.
 * Owns finding the end of the header; `proxy-protocol-js` parses it. Must not know a broker.
 */
import { isIP, type Socket, SocketAddress } from 'node:net'
import { AnaxError } from '../../index.js'
import { notInstalled } from '../not-installed.js'

/** The client that a proxy states; undefined if the proxy connects on its own behalf, for a health check. */
export type ProxiedClient = { address: string; port: number } | undefined

/** Reads a header from a socket. */
export type ReadProxyHeader = (
  socket: Socket,
  done: (error: AnaxError | undefined, client: ProxiedClient) => void,
) => void

/** Longest header of version 1, and of version 2 with room for the extensions that proxies send. */
const LONGEST_V1 = 107
const LONGEST_V2 = 4096

const V1_PREFIX = Buffer.from('PROXY ')
const V2_PREFIX = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

/** Byte 13 of version 2: the proxy itself is the client. */
const LOCAL_COMMAND = 0x20

type Parser = typeof import('proxy-protocol-js')

/**
 * Loads the parser.
 * @param timeoutMs time limit for the header
 * @throws AnaxError ANAX_ERR_LISTEN if the package is not installed
 */
export async function proxyHeaderReader(timeoutMs: number): Promise<ReadProxyHeader> {
  const parser = await loadParser()
  return (socket, done) => new HeaderReader(parser, socket, timeoutMs, done)
}

async function loadParser(): Promise<Parser> {
  try {
    return await import('proxy-protocol-js')
  } catch (cause) {
    throw notInstalled('proxy-protocol-js', 'the option proxyProtocol', cause)
  }
}

/** Reads one header, returns the bytes after it to the socket, and removes its listeners. */
class HeaderReader {
  readonly #parser: Parser
  readonly #socket: Socket
  readonly #done: (error: AnaxError | undefined, client: ProxiedClient) => void
  readonly #timer: NodeJS.Timeout
  #bytes = Buffer.alloc(0)

  constructor(
    parser: Parser,
    socket: Socket,
    timeoutMs: number,
    done: (error: AnaxError | undefined, client: ProxiedClient) => void,
  ) {
    this.#parser = parser
    this.#socket = socket
    this.#done = done
    this.#timer = setTimeout(() => this.#end(proxyError('no header in time')), timeoutMs)
    socket.on('readable', this.#onReadable)
    socket.on('end', this.#onClosed)
    socket.on('close', this.#onClosed)
    socket.on('error', this.#onError)
  }

  readonly #onReadable = (): void => {
    const chunk: Buffer | null = this.#socket.read()
    if (chunk === null) return
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const length = headerLength(this.#bytes)
    if (length === 'incomplete') return
    if (length === 'none') {
      this.#end(proxyError('a trusted proxy sent no header'))
      return
    }
    const header = this.#bytes.subarray(0, length)
    const rest = this.#bytes.subarray(length)
    try {
      const client = parse(this.#parser, header)
      this.#stop()
      if (rest.length > 0) this.#socket.unshift(rest)
      this.#done(undefined, client)
    } catch (cause) {
      this.#end(proxyError('a header that cannot be read', cause))
    }
  }

  readonly #onClosed = (): void => this.#end(proxyError('the connection ended before its header'))

  readonly #onError = (cause: Error): void => this.#end(proxyError('the connection failed', cause))

  #end(error: AnaxError): void {
    this.#stop()
    this.#done(error, undefined)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#socket.off('readable', this.#onReadable)
    this.#socket.off('end', this.#onClosed)
    this.#socket.off('close', this.#onClosed)
    this.#socket.off('error', this.#onError)
  }
}

/** The number of bytes in the header. */
function headerLength(bytes: Buffer): number | 'incomplete' | 'none' {
  if (beginsLike(bytes, V2_PREFIX)) {
    if (bytes.length < 16) return 'incomplete'
    const length = 16 + bytes.readUInt16BE(14)
    if (length > LONGEST_V2) return 'none'
    return bytes.length < length ? 'incomplete' : length
  }
  if (!beginsLike(bytes, V1_PREFIX)) return 'none'
  const end = bytes.indexOf('\r\n')
  if (end === -1) return bytes.length >= LONGEST_V1 ? 'none' : 'incomplete'
  return end + 2 <= LONGEST_V1 ? end + 2 : 'none'
}

function beginsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.subarray(0, length).equals(prefix.subarray(0, length))
}

function parse(parser: Parser, header: Buffer): ProxiedClient {
  return header[0] === V1_PREFIX[0] ? parseV1(parser, header.toString('latin1')) : parseV2(parser, header)
}

function parseV1(parser: Parser, header: string): ProxiedClient {
  if (header.startsWith('PROXY UNKNOWN')) return undefined
  const { source } = parser.V1ProxyProtocol.parse(header)
  return checked(source.ipAddress, source.port)
}

function parseV2(parser: Parser, header: Buffer): ProxiedClient {
  if (header[12] === LOCAL_COMMAND) return undefined
  const { proxyAddress } = parser.V2ProxyProtocol.parse(header)
  if (proxyAddress instanceof parser.IPv4ProxyAddress) {
    return checked(proxyAddress.sourceAddress.address.join('.'), proxyAddress.sourcePort)
  }
  if (proxyAddress instanceof parser.IPv6ProxyAddress) {
    const groups = Buffer.from(proxyAddress.sourceAddress.address).toString('hex').match(/.{4}/g) ?? []
    return checked(groups.join(':'), proxyAddress.sourcePort)
  }
  return undefined
}

/** @throws Error for invalid addresses, which the parser accepts */
function checked(address: string, port: number): { address: string; port: number } {
  const family = isIP(address)
  if (family === 0 || port > 65_535) throw new Error(`no address: ${address}`)
  return { address: new SocketAddress({ address, family: family === 4 ? 'ipv4' : 'ipv6', port }).address, port }
}

function proxyError(detail: string, cause?: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_HANDSHAKE', {
    detail: `PROXY protocol: ${detail}`,
    ...(cause !== undefined && { cause }),
  })
}
