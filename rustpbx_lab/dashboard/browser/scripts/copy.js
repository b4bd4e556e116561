// A page of plain http from another machine has no navigator.clipboard. What remains is
// to copy a selection, which a browser may refuse; then the user copies it by hand.
async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch { /* refused: the page may have lost the focus */ }
  const dialog = document.createElement('dialog')
  dialog.setAttribute('aria-label', 'Copy')
  dialog.style.cssText = 'max-width:90vw;padding:16px;border:1px solid #8888;' +
    'border-radius:6px;font:13px system-ui,sans-serif'
  const area = document.createElement('textarea')
  Object.assign(area, {value: text, readOnly: true, rows: 12, cols: 80})
  area.style.cssText = 'display:block;max-width:100%;margin:8px 0'
  const close = document.createElement('button')
  close.textContent = 'Close'
  close.onclick = () => dialog.close()
  dialog.append('The browser refused to copy. Press Ctrl+C, or \u2318C.', area, close)
  const before = document.activeElement
  dialog.onclose = () => { dialog.remove(); before?.focus?.() }
  document.body.append(dialog)
  dialog.showModal()
  area.select()
  let copied = false
  try { copied = document.execCommand('copy') } catch { /* shown below */ }
  if (copied) dialog.close()
  return copied
}
