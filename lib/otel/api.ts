/** Loads the optional package `@opentelemetry/api`. Owns the error for a missing one. */
import { AnaxError } from '../index.js'

const load = () => import('@opentelemetry/api')

/** The package; its type is that of the import, which differs from that of `require`. */
export type Api = Awaited<ReturnType<typeof load>>

/** @throws AnaxError ANAX_ERR_OPTION if the package is not installed */
export async function loadApi(): Promise<Api> {
  try {
    return await load()
  } catch (cause) {
    const detail = "anax/otel needs the package '@opentelemetry/api': npm install @opentelemetry/api"
    throw new AnaxError('ANAX_ERR_OPTION', { detail, cause })
  }
}
