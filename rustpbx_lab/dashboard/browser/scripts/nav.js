const LOGO = `<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true"><g stroke="var(--lab-accent)" stroke-width="2" stroke-linecap="round"><path d="M3 8v4M6.5 5v10M10 2.5v15"/><path d="M13.5 6v8M17 8.5v3" stroke="var(--lab-agent)"/></g></svg>`

export function render({model, el}) {
  const nav = document.createElement('nav')
  nav.className = 'nav'
  nav.setAttribute('aria-label', 'Pages')
  const logo = document.createElement('span')
  logo.className = 'logo'
  logo.innerHTML = LOGO
  logo.append('rustpbx lab')
  nav.append(logo)
  const tabs = model.tabs.map(([name, symbol]) => {
    const tab = document.createElement('button')
    const icon = document.createElement('i')
    icon.textContent = symbol
    icon.setAttribute('aria-hidden', 'true')
    tab.append(icon, name)
    tab.onclick = () => model.send_msg({tab: name})
    nav.append(tab)
    return tab
  })
  const mark = () => tabs.forEach((tab, at) => {
    if (model.tabs[at][0] === model.at) tab.setAttribute('aria-current', 'page')
    else tab.removeAttribute('aria-current')
  })
  model.on('at', mark)
  mark()
  el.append(nav)
}
