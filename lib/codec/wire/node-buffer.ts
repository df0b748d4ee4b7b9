/** What Node's buffers can do and its types leave out. Contract only. */

/** Node's own methods, which its types leave out: `toString` without the dispatch. */
export interface NodeBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}
