const SPEEDS = [0.5, 1, 2, 4, 8, 20]
const LISTEN_MOST = 8  // times the speed that sound is listened to
const LOUDEST = 4  // times the speed: faster than that nobody understands a word

function part(kind, name, text, label) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text) made.textContent = text
  if (label) { made.title = label; made.setAttribute('aria-label', label) }
  return made
}

export function clock(ms, began) {
  if (began !== null) {  // the time of day: call time 0 in ms after midnight
    const s = Math.floor((began + Math.round(ms)) / 1000), two = (n) =>
      String(n).padStart(2, '0')
    return [Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60].map(two)
      .join(':')
  }
  const tenths = Math.max(0, Math.floor(ms / 100)), s = Math.floor(tenths / 10)
  const two = (n) => String(n).padStart(2, '0')
  const hours = s >= 3600 ? Math.floor(s / 3600) + ':' : ''
  return hours + two(Math.floor(s / 60) % 60) + ':' + two(s % 60) + '.' + tenths % 10
}

export function render({model, el}) {
  const box = part('div', 'p'), audio = new Audio()
  audio.preload = 'metadata'
  const play = part('button', 'play', '▶', 'Play or pause (Space)')
  const slider = part('input', '', '', 'Place in the call')
  slider.type = 'range'; slider.min = 0; slider.step = 10
  const time = part('span', 'time'), say = part('span', 'say')
  const name = part('span', 'name'), again = part('button', 'again')
  const speed = part('select', '', '', 'Speed')
  for (const times of SPEEDS) {
    const option = part('option', '', times + '\u00d7')
    option.value = times
    speed.append(option)
  }
  const fastest = speed.lastChild
  const legs = ['caller', 'agent'].map((leg) => {
    const button = part('button', leg, leg, `Hear the ${leg}`)
    button.setAttribute('aria-pressed', 'true')
    return button
  })
  box.append(name, play, slider, time, speed, ...legs, again, say)
  el.append(box)

  let state = {position: 0, paused: true, speed: 1, end: 0, offset: 0, replay: false,
               sound: '', until: 0, remark: '', name: '', again: '', began: null}
  let heard = 0, dragging = false, gains = null, shown = -1
  let loaded = 0  // call time up to which there was sound when it was fetched
  let wanted = null  // place to go to when it is there, ms of sound
  let place = 0  // where one is in a call without sound

  const now = () => state.replay
    ? Math.min(state.end, state.position +
        (state.paused ? 0 : (performance.now() - heard) * state.speed))
    : state.sound ? state.offset + (wanted ?? audio.currentTime * 1000) : place
  const paused = () => state.replay ? state.paused : audio.paused

  function wire() {  // both legs in the middle, each with a volume; needs a click first
    if (gains) return
    const context = new AudioContext()
    const split = context.createChannelSplitter(2)
    context.createMediaElementSource(audio).connect(split)
    gains = legs.map((button, side) => {
      const gain = context.createGain()
      gain.gain.value = button.getAttribute('aria-pressed') === 'true' ? 1 : 0
      split.connect(gain, side)
      gain.connect(context.destination)
      return gain
    })
    gains.context = context
  }

  function draw() {
    if (!dragging) slider.value = now()
    const at = dragging ? Number(slider.value) : now()
    time.textContent = clock(at, state.began) + ' / ' + clock(state.end, state.began)
    slider.setAttribute('aria-valuetext', clock(at, state.began))
    if (state.again && !state.replay)  // from where: only within the call
      again.textContent = at > 0 && at < state.end - 100 ? state.again : 'Replay'
    const sign = paused() ? '▶' : '❚❚'
    if (play.textContent !== sign) play.textContent = sign
  }

  function follow() {  // the replay leads, the sound keeps up with it
    if (!state.sound || !state.replay) return
    const want = (now() - state.offset) / 1000
    const fits = want >= 0 && want < (audio.duration || 0)
    audio.playbackRate = Math.min(state.speed, 16)
    audio.muted = state.speed > LOUDEST
    if (state.paused || !fits || audio.muted) {
      if (!audio.paused) audio.pause()
      return
    }
    if (Math.abs(audio.currentTime - want) > 0.25 * Math.max(1, state.speed))
      audio.currentTime = want
    if (audio.paused) audio.play().catch(() => {
      say.textContent = 'press pause and play to hear it'
    })
  }

  function load(at, goesOn) {  // what has come since is in it, too
    loaded = state.until
    wanted = at
    audio.src = `${state.sound}?n=${Math.round(loaded)}`
    audio.onloadedmetadata = () => {
      audio.playbackRate = Math.min(state.speed, 16)
      audio.currentTime = at / 1000
      wanted = null
      if (goesOn) audio.play().catch(() => {})
    }
  }

  const hasMore = () => !state.replay && state.sound && state.until > loaded + 100

  function take(next) {
    const fresh = {...state, ...next}
    const isOther = fresh.sound !== state.sound
    const left = state.replay && !fresh.replay && !isOther ? now() : null
    state = fresh
    if (isOther) {
      audio.pause()
      wanted = null
      place = 0
      if (state.sound) load(0, false)
      else audio.removeAttribute('src')
    }
    if (left !== null) {  // the replay is over: the sound leads again
      audio.pause()
      audio.muted = false
      place = left
      if (state.sound) audio.currentTime = Math.max(0, left - state.offset) / 1000
    }
    heard = performance.now()
    slider.max = state.end
    speed.value = SPEEDS.includes(state.speed) ? state.speed : ''
    name.textContent = state.name
    say.textContent = state.remark
    say.title = state.remark
    for (const button of legs) button.disabled = !state.sound
    play.disabled = !state.replay && !state.sound
    again.textContent = state.again ?? ''
    again.hidden = !state.again
    again.title = state.replay ? 'Show all of the call again'
      : 'Let the call happen once more: what comes later is hidden until it comes'
    fastest.disabled = fastest.hidden = !state.replay  // no browser plays sound so fast
    if (!state.replay) {
      state.speed = Math.min(state.speed, LISTEN_MOST)
      speed.value = state.speed
      audio.playbackRate = state.speed
    }
    follow()
    draw()
  }

  function go(ms) {
    if (state.replay) model.send_msg({seek: ms})
    else {
      place = ms
      const at = Math.max(0, ms - state.offset)
      if (hasMore() && ms > loaded - 100) load(at, !audio.paused)
      else if (state.sound) audio.currentTime = at / 1000
      model.send_msg({at: ms})
      draw()
    }
  }

  function toggle() {
    if (play.disabled) return
    if (state.sound) { wire(); gains.context.resume() }
    if (state.replay) { model.send_msg({toggle: true}); return }
    if (!audio.paused) audio.pause()
    else if (hasMore() && audio.currentTime * 1000 + state.offset > loaded - 100)
      load(audio.currentTime * 1000, true)
    else audio.play().catch((error) => { say.textContent = String(error.message) })
  }

  play.onclick = toggle
  again.onclick = () => {
    if (state.sound) { wire(); gains.context.resume() }
    const at = now()
    model.send_msg({again: state.replay ? true : at < state.end - 100 ? at : 0})
  }
  slider.oninput = () => { dragging = true; draw() }
  slider.onchange = () => { dragging = false; go(Number(slider.value)) }
  speed.onchange = () => {
    const times = Number(speed.value)
    if (state.replay) model.send_msg({speed: times})
    else { state.speed = times; audio.playbackRate = times }
  }
  legs.forEach((button, side) => {
    button.onclick = () => {
      const on = button.getAttribute('aria-pressed') !== 'true'
      button.setAttribute('aria-pressed', String(on))
      if (gains) gains[side].gain.value = on ? 1 : 0
    }
  })
  audio.onended = () => {
    if (hasMore()) load(audio.currentTime * 1000, true)
    else if (!state.replay) model.send_msg({at: Math.round(now())})
  }
  audio.onerror = () => {
    if (state.sound) say.textContent = 'no sound here: it needs rustpbx-lab serve'
  }
  model.on('msg:custom', (msg) => {
    const data = msg.data ?? msg
    if (data.toggle) toggle()
    else if (data.go !== undefined) go(data.go)
    else take(data)
  })
  const timer = setInterval(() => {
    draw()
    follow()
    if (state.replay || !state.sound) return
    const at = Math.round(now())
    if (!audio.paused && Math.abs(at - shown) > 150) {
      shown = at
      model.send_msg({at})
    }
  }, 200)
  model.on('remove', () => {
    clearInterval(timer)
    audio.pause()
    audio.removeAttribute('src')
    gains?.context.close()
  })
  draw()
  model.send_msg({ready: true})
}
