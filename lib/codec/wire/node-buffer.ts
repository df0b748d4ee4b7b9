/** Methods of Node's buffers that its types lack. Contract only. */

/** Reading and writing text in one encoding, without the dispatch on its name. */
export interface NodeBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}
