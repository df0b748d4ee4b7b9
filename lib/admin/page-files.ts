/** The files of the dashboard by path. Owns the list and the types; the build writes their content into a module. */
import { PAGE_FILES } from './page/files.js'

export interface PageFile {
  type: string
  content: string
}

const FILES: Readonly<Record<string, PageFile>> = {
  '/': { type: 'text/html; charset=utf-8', content: PAGE_FILES['index.html'] },
  '/dashboard.js': { type: 'text/javascript; charset=utf-8', content: PAGE_FILES['dashboard.js'] },
  '/dashboard.css': { type: 'text/css; charset=utf-8', content: PAGE_FILES['dashboard.css'] },
  '/icon.svg': { type: 'image/svg+xml', content: PAGE_FILES['icon.svg'] },
}

/** The file of a path; undefined if there is none. */
export function pageFile(path: string): PageFile | undefined {
  return Object.hasOwn(FILES, path) ? FILES[path] : undefined
}

/** The page for a browser without the token, or with a wrong one. */
export function signInPage(isWrong: boolean): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Anax: sign in</title>
<main>
<h1>Anax</h1>
${isWrong ? '<p role="alert">This is not the token of this broker.</p>' : ''}
<p>Open the address that the command printed, or enter its token.</p>
<form method="post" action="login">
<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
<button>Sign in</button>
</form>
</main>
</html>
`
}
