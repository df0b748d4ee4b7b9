/** The suite of the base contract comes without types. */
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
