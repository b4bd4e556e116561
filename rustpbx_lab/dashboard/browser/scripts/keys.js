const OPENING = ['Enter', ' ', 'ArrowDown', 'ArrowUp']

export function render({model}) {
  const typing = (event) => event.composedPath().some((node) =>
    node.tagName === 'INPUT' || node.tagName === 'TEXTAREA' ||
    node.tagName === 'SELECT' || node.isContentEditable || node.role === 'dialog' ||
    node.role === 'combobox' || node.role === 'slider')
  const working = (event) => event.composedPath().some((node) =>
    node.matches?.('button, a, summary, [role=button], [role=tab], [role=switch], ' +
      '[role=checkbox], [role=radio], [role=menuitem], input[type=checkbox]'))
  const inTab = (use) => {
    try { return use(sessionStorage) } catch { return null }  // a frame may have none
  }
  let before = ''
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if ('labLost' in document.documentElement.dataset) return  // nothing would hear it
    const last = before
    before = event.key
    // panel-material-ui opens its selects by clicks only
    const select = event.composedPath()[0]
    if (OPENING.includes(event.key) &&
        select.matches?.('.MuiSelect-select[aria-expanded=false]')) {
      event.preventDefault()
      select.click()
      return
    }
    // what is focused is pressed by these; after H they are ours in any case
    const pressing = (event.key === 'Enter' || event.key === ' ') && last !== 'h'
    if (pressing && working(event)) return
    if (event.key === 'Escape' && typing(event)) {
      event.composedPath()[0]?.blur?.()
      return
    }
    // a slider takes arrows, not letters
    const sliding = event.composedPath()[0]?.type === 'range' && event.key.length === 1
    if ((typing(event) && !sliding) || !model.keys.includes(event.key)) return
    event.preventDefault()
    model.send_msg({key: event.key, shift: event.shiftKey})
  }
  const find = (root, name) => {
    const all = root.querySelectorAll('*')
    for (const node of all) {
      if (node.classList?.contains(name)) return node
      const inner = node.shadowRoot && find(node.shadowRoot, name)
      if (inner) return inner
    }
  }
  const enter = (name, times) => {  // what was asked for may yet have to be drawn
    const host = find(document, name), kinds = 'input, textarea, [role=combobox]'
    const input = host && (host.querySelector(kinds) ??
                           host.shadowRoot?.querySelector(kinds))
    if (input) input.focus()
    else if (times) setTimeout(() => enter(name, times - 1), 100)
  }
  model.on('msg:custom', (msg) => {
    const {focus, copy, narrowed, keep, title, draft} = msg.data ?? msg
    if (draft !== undefined) inTab((store) => store.setItem('lab-draft', draft))
    if (keep !== undefined)
      document.cookie = `lab-view=${keep};path=/;SameSite=Strict;max-age=31536000`
    if (title !== undefined) document.title = title
    if (narrowed) document.documentElement.dataset.labNarrowed = ''
    if (focus) enter(focus, 20)
    if (copy !== undefined)
      copyText(copy).then((copied) => model.send_msg({copied}))
  })
  const fold = (event) => {
    const button = event.composedPath().find((node) => node.dataset?.fold)
    if (!button) return
    model.send_msg({fold: button.dataset.fold})
    // the button that comes instead of it has the focus, too
    const root = button.getRootNode()
    const again = () => {
      if (button.isConnected) return
      root.querySelector('[data-fold]')?.focus()
      watch.disconnect()
    }
    const watch = new MutationObserver(again)
    watch.observe(root, {childList: true, subtree: true})
  }
  document.addEventListener('keydown', press)
  document.addEventListener('click', fold)
  // Bokeh calls a page idle when nothing of it changes: that of a call always does
  requestAnimationFrame(() => {
    document.getElementById('loader')?.classList.add('drawn')
    document.querySelector('.lab-skeleton')?.remove()
  })
  let isNarrow = innerWidth < 1280
  const narrow = () => {  // the next page is made with its sidebar closed
    const wasNarrow = isNarrow
    isNarrow = innerWidth < 1280
    document.cookie = `lab-narrow=${Number(isNarrow)};path=/;SameSite=Strict`
    if (isNarrow && !wasNarrow) model.send_msg({narrow: true})
  }
  narrow()
  window.addEventListener('resize', narrow)
  const draft = inTab((store) => store.getItem('lab-draft'))
  if (draft) model.send_msg({draft})
  const system = matchMedia('(prefers-color-scheme: dark)')
  const paint = () => model.send_msg({dark: system.matches})
  system.addEventListener('change', paint)
  paint()
  // not before the page itself is drawn, or it opens the sidebar again
  if (isNarrow)
    setTimeout(() => model.send_msg({narrow: true}), 1500)
  model.on('remove', () => {
    system.removeEventListener('change', paint)
    document.removeEventListener('keydown', press)
    document.removeEventListener('click', fold)
    window.removeEventListener('resize', narrow)
  })
}
