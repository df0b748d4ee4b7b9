/** Assertions about types. The compiler checks them; the files *.test-d.ts are never run. */

export function expectType<T>(_value: T): void {}

/** Whether two types are the same. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
