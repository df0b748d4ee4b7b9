/**
 * The files of the dashboard, as the build has put them beside this file.
 * Owns which there are and how they are called; reads each once.
 */
import { readFile } from 'node:fs/promises'

export interface PageFile {
  type: string
  content: Buffer
}

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard.js': ['dashboard.js', 'text/javascript; charset=utf-8'],
  '/dashboard.css': ['dashboard.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
}

const read = new Map<string, Promise<Buffer>>()

/** The file of a path; undefined where there is none. */
export async function pageFile(path: string): Promise<PageFile | undefined> {
  if (!Object.hasOwn(FILES, path)) return undefined
  const [file, type] = FILES[path]!
  const content = read.get(file) ?? readFile(new URL(`./page/${file}`, import.meta.url))
  read.set(file, content)
  return { type, content: await content }
}

/** What a browser without the token sees. */
export const SIGN_IN = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Anax: sign in</title>
<main>
<h1>Anax</h1>
<p>Open the address that the command printed, or enter its token.</p>
<form method="post" action="login">
<label>Token <input name="token" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>
</main>
</html>
`
