// Mouse, touch and keys.

function clampView() {
  const whole = capture.to - capture.from;
  const span = Math.min(Math.max(view.to - view.from, 200), whole * 1.04);
  const margin = whole * 0.02;
  const middle = (view.from + view.to) / 2;
  view.from = Math.min(Math.max(middle - span / 2, capture.from - margin), capture.to + margin - span);
  view.to = view.from + span;
  view.scroll = Math.max(0, Math.min(view.scroll, lanesHeight - (view.height - TOP)));
}

function show(from, to) {
  view.from = from;
  view.to = to;
  clampView();
  redraw();
}

function zoom(by, at = (view.from + view.to) / 2) {
  show(at - (at - view.from) * by, at + (view.to - at) * by);
}

function pan(dx, dy = 0) {
  const time = (dx / (view.width - view.gutter)) * (view.to - view.from);
  view.scroll += dy;
  show(view.from + time, view.to + time);
}

const showAll = () => show(capture.from - (capture.to - capture.from) * 0.01, capture.to + (capture.to - capture.from) * 0.01);

// Moves the picture as little as it takes to see the call.
function reveal(call) {
  const process = processByPid.get(pidOf(call));
  if (calls.fd[call] >= 0 && !process.isOpen) {
    process.isOpen = true;
    layLanes();
  }
  const span = view.to - view.from, margin = span * 0.1;
  const {start, end} = {start: calls.start[call], end: calls.end[call]};
  if (end > view.to - margin / 2 || start < view.from + margin / 2) {
    const middle = end - start > span ? end - span * 0.4 : (start + end) / 2;
    view.from = middle - span / 2;
    view.to = middle + span / 2;
  }
  const lane = laneOf(call);
  if (yOf(lane) < TOP || yOf(lane) + lane.height > view.height) view.scroll = lane.top - (view.height - TOP) / 2;
  clampView();
}

function select(call, isToBeSeen = false) {
  shown.selected = call;
  showDetails(call);
  if (call >= 0 && isToBeSeen) reveal(call);
  redraw();
}

function zoomTo(call) {
  const span = Math.max(calls.end[call] - calls.start[call], 1000) * 4;
  const middle = (calls.start[call] + calls.end[call]) / 2;
  show(middle - span / 2, middle + span / 2);
  select(call, true);
}

function stepInLane(by) {
  if (shown.selected < 0) return;
  const {list} = callsOfLane(laneOf(shown.selected));
  const next = list[list.indexOf(shown.selected) + by];
  if (next !== undefined) select(next, true);
}

// Searches, and says what was found. `isToBeShown`: goes to the first match, and shows all of them.
function search(query, isToBeShown = false) {
  const box = byId('search'), found = byId('found');
  if (box.value !== query) box.value = query;
  let test;
  try {
    test = query.trim() === '' ? undefined : compileSearch(query);
    box.removeAttribute('aria-invalid');
    found.className = '';
  } catch (error) {
    box.setAttribute('aria-invalid', 'true');
    found.className = 'wrong';
    found.textContent = error.message;
    return;
  }
  shown.matches = [];
  shown.isMatch = test && new Uint8Array(calls.count);
  for (let i = 0; test && i < calls.count; ++i) {
    if (!test(i)) continue;
    shown.isMatch[i] = 1;
    shown.matches.push(i);
  }
  const {length} = shown.matches;
  found.textContent = test ? `${length === 0 ? 'No' : length.toLocaleString('en')} of ${calls.count.toLocaleString('en')} calls match${length === 1 ? 'es' : ''}` : '';
  showMatches(query);
  if (isToBeShown && length > 0) {
    const from = Math.min(...shown.matches.slice(0, 1000).map((call) => calls.start[call]));
    const to = Math.max(...shown.matches.slice(0, 1000).map((call) => calls.end[call]));
    const margin = Math.max(to - from, 1000) * 0.2;
    show(from - margin, to + margin);
    select(shown.matches[0], true);
  }
  resize();
}

function goToMatch(by) {
  const {matches, selected} = shown;
  if (matches.length === 0) return;
  const at = lowerBound(matches.length, (i) => matches[i], selected);
  const next = by > 0 ? (matches[at] === selected ? at + 1 : at) : at - 1;
  select(matches[(next + matches.length) % matches.length], true);
}

// The call nearest to this place, at most some pixels away; -1 if there is none.
function callAt(x, y, reach = 6) {
  const lane = laneAt(y);
  if (lane === undefined || lane.kind === 'pipe' || x < view.gutter) return -1;
  let best = -1, least = reach + 1e-9;
  visitCalls(callsOfLane(lane), timeAt(x - reach), timeAt(x + reach), (call) => {
    const from = xOf(calls.start[call]), to = Math.max(xOf(calls.end[call]), from + 1);
    let distance = x < from ? from - x : x > to ? x - to : 0;
    if (hasFailed(call)) distance -= 0.5;
    // Of calls one in the other, the shorter one.
    if (distance < least || (distance === least && calls.end[call] - calls.start[call] < calls.end[best] - calls.start[best])) {
      least = distance;
      best = call;
    }
  });
  return best;
}

// Where a call is on the canvas.
function placeOf(call) {
  const lane = laneOf(call);
  const from = Math.max(xOf(calls.start[call]), view.gutter), to = Math.min(xOf(calls.end[call]), view.width);
  return {x: (from + Math.max(from, to)) / 2, y: yOf(lane) + lane.height / 2};
}

function hover(x, y) {
  const call = callAt(x, y), lane = laneAt(y), tip = byId('tip');
  const text = call >= 0 ? tipOf(call) : lane?.kind === 'pipe' && x >= view.gutter ? pipeText(lane, timeAt(x))
    : x < view.gutter && lane !== undefined ? labelOf(lane) : '';
  tip.hidden = text === '';
  tip.textContent = text;
  if (text !== '') {
    tip.style.left = `${Math.max(0, Math.min(x + 14, view.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(0, y + 18 + tip.offsetHeight > view.height ? y - tip.offsetHeight - 8 : y + 18)}px`;
  }
  if (call !== shown.hovered || lane !== shown.hoveredLane) {
    shown.hovered = call;
    shown.hoveredLane = lane;
    redraw();
  }
}

function labelOf(lane) {
  if (lane.kind === 'pipe') return `pipe ${lane.title}, inode ${lane.inode}\n${pipeText(lane, view.to)}`;
  if (lane.kind === 'process') return `${lane.name} (${lane.pid})\n${lane.all.list.length} calls, ${lane.failed} failed, ${lane.fds.length} descriptors`;
  const files = [...lane.files.keys()].slice(0, 12).map((file) => capture.files[file].letter + capture.files[file].name);
  return [`${lane.process.name} (${lane.process.pid}), descriptor ${lane.fd}`, ...files, ...(lane.files.size > 12 ? ['…'] : [])].join('\n');
}

function leave() {
  byId('tip').hidden = true;
  shown.hovered = -1;
  shown.hoveredLane = undefined;
  redraw();
}

function tap(x, y, isTouch) {
  if (y < OVERVIEW) return goTo(x);
  const lane = laneAt(y);
  if (x < view.gutter && lane?.kind === 'process') {
    lane.isOpen = !lane.isOpen;
    layLanes();
    clampView();
    return redraw();
  }
  select(callAt(x, y, isTouch ? 18 : 6));
}

// Moves the part that is shown to this place of the overview.
function goTo(x) {
  const middle = capture.from + (x / view.width) * (capture.to - capture.from), span = view.to - view.from;
  show(middle - span / 2, middle + span / 2);
}

function listenToPointers() {
  const down = new Map();
  let moved = 0, isOverview = false;
  const at = (event) => ({x: event.offsetX, y: event.offsetY});
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (down.size === 0) {
      moved = 0;
      isOverview = event.offsetY < OVERVIEW;
    }
    down.set(event.pointerId, at(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = down.get(event.pointerId), now = at(event);
    if (before === undefined) return event.pointerType === 'mouse' ? hover(now.x, now.y) : undefined;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    down.set(event.pointerId, now);
    if (other !== undefined) {
      // Two fingers keep the times that are under them.
      moved = Infinity;
      const gap = Math.max(Math.abs(now.x - other.x), 20), gapBefore = Math.max(Math.abs(before.x - other.x), 20);
      zoom(gapBefore / gap, timeAt((before.x + other.x) / 2));
      pan((before.x - now.x) / 2, (before.y - now.y) / 2);
    } else if (isOverview) {
      goTo(now.x);
    } else if (moved > 4) {
      byId('tip').hidden = true;
      pan(before.x - now.x, before.y - now.y);
    }
  });
  canvas.addEventListener('pointerup', (event) => {
    down.delete(event.pointerId);
    if (down.size === 0 && moved <= 4) tap(event.offsetX, event.offsetY, event.pointerType !== 'mouse');
  });
  canvas.addEventListener('pointercancel', (event) => down.delete(event.pointerId));
  canvas.addEventListener('pointerleave', leave);
  canvas.addEventListener('dblclick', (event) => event.offsetX >= view.gutter && event.offsetY >= TOP && zoom(0.4, timeAt(event.offsetX)));
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const by = event.deltaMode === 1 ? 16 : 1;
    byId('tip').hidden = true;
    if (event.offsetX < view.gutter || event.shiftKey) pan(0, (event.deltaY || event.deltaX) * by);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX * by);
    else zoom(1.0015 ** (event.deltaY * by), timeAt(event.offsetX));
  }, {passive: false});
}

function listenToKeys() {
  const tenth = () => (view.width - view.gutter) / 10;
  const actions = {
    ArrowLeft: () => pan(-tenth()), ArrowRight: () => pan(tenth()), ArrowUp: () => pan(0, -60), ArrowDown: () => pan(0, 60),
    '+': () => zoom(0.6), '=': () => zoom(0.6), '-': () => zoom(1 / 0.6), 0: showAll,
    n: () => goToMatch(1), p: () => goToMatch(-1), e: () => search('evt.failed = true', true),
    '/': () => byId('search').focus(), '[': () => stepInLane(-1), ']': () => stepInLane(1), '?': toggleLegend,
    Escape: () => (shown.matches.length > 0 || byId('search').value !== '' ? search('') : select(-1)),
  };
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target === byId('search');
    if (isTyping && event.key === 'Enter') return goToMatch(event.shiftKey ? -1 : 1);
    if (isTyping && event.key === 'Escape') canvas.focus();
    else if (isTyping) return;
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
}
