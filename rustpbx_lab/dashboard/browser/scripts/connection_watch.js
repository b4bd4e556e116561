const LATE_MS = 2500
const FIRST_MS = 8000
const RELOAD_MS = 30_000
const STYLE = `position:fixed;top:52px;left:50%;transform:translateX(-50%);z-index:2000;
  max-width:calc(100vw - 32px);padding:9px 16px;border-radius:5px;
  font:600 13px/18px system-ui,sans-serif;background:#B3261E;color:#fff;
  box-shadow:0 2px 10px rgba(0,0,0,.35)`
const CONTROLS = 'button, input, select, textarea, [role=button], [role=slider], ' +
  '[role=tab], [role=switch], [role=combobox], [role=menuitem]'

function* deep(root) {
  for (const node of root.querySelectorAll('*')) {
    yield node
    if (node.shadowRoot) yield* deep(node.shadowRoot)
  }
}

export function render({model, view}) {
  const page = document.documentElement
  const off = [], known = new Map(), process = model.process
  // a page that opens takes its time before it beats
  let last = performance.now() + FIRST_MS, lostAt = null, banner, title = ''
  let isClosed = false, isAsking = false, isBack = false, reloadAt = 0

  const seconds = (since) => Math.round((performance.now() - since) / 1000)
  const words = () => !isBack
    ? `The dashboard has not answered for ${seconds(lostAt)} s: what you see is old, ` +
      'and commands are off. Trying again…'
    : 'The dashboard answers again. Loading this page…'

  function lose() {
    if (lostAt !== null) return
    lostAt = Math.min(last, performance.now())
    page.dataset.labLost = ''
    banner = document.createElement('div')
    banner.style.cssText = STYLE
    banner.setAttribute('role', 'alert')
    banner.className = 'lab-lost'
    banner.textContent = words()
    document.body.append(banner)
    title = document.title
    document.title = 'No answer · rustpbx lab'  // all that is seen of a hidden tab
    switchOff()
  }

  function switchOff() {
    for (const node of deep(document))
      if (node.matches(CONTROLS) && !node.inert) {
        node.inert = true
        // what is drawn over a hidden input stays as it is
        if (getComputedStyle(node).opacity === '1') node.style.opacity = '.45'
        off.push(node)
      } else if (node.matches('[data-live]') && !node.style.filter) {
        node.style.filter = 'grayscale(1)'
        const words = node.lastElementChild
        known.set(words, words.textContent)
        words.textContent = 'No answer'  // nobody knows what the call is doing
        off.push(node)
      }
  }

  function find() {
    last = performance.now()
    isBack = false
    page.dataset.labAlive = ''
    if (lostAt === null) return
    lostAt = null
    delete page.dataset.labLost
    banner.remove()
    for (const node of off.splice(0)) {
      node.inert = false
      node.style.opacity = node.style.filter = ''
    }
    for (const [words, text] of known) words.textContent = text
    known.clear()
    document.title = title
  }

  async function ask() {
    if (isAsking) return
    isAsking = true
    try {
      const answer = await fetch(model.address, {
        cache: 'no-store', signal: AbortSignal.timeout(2000)})
      const told = answer.ok ? await answer.json().catch(() => ({})) : {}
      if (lostAt === null) return
      const isAnother = told.process !== undefined && told.process !== process
      // a line that is open and silent is one of a busy machine: it will speak again
      isBack = isAnother || isClosed
      // once: loading takes seconds, and to begin anew would abort it
      if (!isBack || performance.now() < reloadAt) return
      reloadAt = performance.now() + RELOAD_MS
      location.reload()
    } catch {
      isBack = false
    } finally {
      isAsking = false
    }
  }

  const wake = () => { last = Math.max(last, performance.now()) }
  model.on('msg:custom', find)
  const timer = setInterval(() => {
    if (document.hidden) { wake(); return }  // its timers rest
    if (performance.now() - last > LATE_MS) lose()
    if (lostAt === null) return
    banner.textContent = words()
    switchOff()  // what was drawn anew since
    ask()
  }, 500)
  document.addEventListener('visibilitychange', wake)
  view.model.document.on_event('connection_lost', () => { isClosed = true; lose() })
  view.model.document.on_event('client_reconnected', () => { isClosed = false })
  model.on('remove', () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', wake)
    banner?.remove()
  })
}
