/** Types for the suite of the base contract, which has none. */
declare module 'aedes-persistence/abstract.js' {
  interface Options {
    test: unknown
    persistence: () => unknown
    /** The store has the asynchronous contract. */
    testAsync: true
  }
  const abstractSuite: (options: Options) => void
  export = abstractSuite
}
