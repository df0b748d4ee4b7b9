/**
 * Makes foreign text safe for a terminal, where control characters could move the cursor or worse. Knows characters
 * only.
 */

/** All control characters except line breaks and tabs, and those that change the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
