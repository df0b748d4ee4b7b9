/** What the bundler takes besides code. */
declare module '*.css'

/** The version of the package, put in by the build. */
declare const ANAX_VERSION: string
