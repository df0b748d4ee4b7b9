/** The frame of the dashboard: navigation, theme, and which page is shown. */
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import './dashboard.css'
import { Clients } from './pages/clients.js'
import { Configuration } from './pages/configuration.js'
import { DroppingClients } from './pages/dropping.js'
import { Log } from './pages/log.js'
import { Overview } from './pages/overview.js'
import { Sessions } from './pages/sessions.js'
import { Subscriptions } from './pages/subscriptions.js'
import { Topics } from './pages/topics.js'
import { type LiveValues, useLive } from './streams.js'

const PAGES: Readonly<Record<string, string>> = {
  overview: 'Overview',
  clients: 'Clients',
  sessions: 'Sessions and queues',
  subscriptions: 'Subscriptions',
  topics: 'Topics',
  dropping: 'Slow clients',
  log: 'Log',
  configuration: 'Configuration',
}

function Dashboard() {
  const live = useLive()
  const [page, setPage] = useState(pageOfAddress)
  const [theme, setTheme] = useState(firstTheme)
  useEffect(() => {
    const onChange = () => setPage(pageOfAddress())
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  useEffect(() => {
    document.title = `${PAGES[page]} – Anax`
  }, [page])
  const change = () => {
    const next = theme === 'dark' ? 'light' : 'dark'
    setTheme(next)
    keepTheme(next)
  }
  return (
    <>
      <header>
        <a class="brand" href="#overview">
          Anax
        </a>
        <nav aria-label="Pages">
          {Object.entries(PAGES).map(([name, title]) => (
            <a key={name} href={`#${name}`} aria-current={name === page ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class={`state ${live.isOpen ? 'on' : 'off'}`} role="status">
          {live.isOpen ? 'live' : 'not connected'}
          {live.refusal?.status === 401 && (
            <>
              : <a href="./">sign in again</a>
            </>
          )}
        </span>
        <button type="button" onClick={change}>
          {theme === 'dark' ? 'Light' : 'Dark'}
        </button>
      </header>
      <main id="main">
        <h1>{PAGES[page]}</h1>
        <Content page={page} live={live} theme={theme} />
      </main>
    </>
  )
}

function Content({ page, live, theme }: { page: string; live: LiveValues; theme: string }) {
  switch (page) {
    case 'clients':
      return <Clients />
    case 'sessions':
      return <Sessions />
    case 'subscriptions':
      return <Subscriptions />
    case 'topics':
      return <Topics />
    case 'dropping':
      return <DroppingClients />
    case 'log':
      return <Log />
    case 'configuration':
      return <Configuration />
    default:
      return <Overview live={live} theme={theme} />
  }
}

function pageOfAddress(): string {
  const name = location.hash.slice(1)
  return Object.hasOwn(PAGES, name) ? name : 'overview'
}

/** The one that was chosen before, or that of the system. */
function firstTheme(): string {
  const chosen = localStorage.getItem('anax-theme')
  const theme = chosen ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
  document.documentElement.dataset.theme = theme
  return theme
}

function keepTheme(theme: string): void {
  localStorage.setItem('anax-theme', theme)
  document.documentElement.dataset.theme = theme
}

render(<Dashboard />, document.body)
