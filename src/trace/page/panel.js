// What is beside the picture: details, findings, matches, and what the page says about itself.

const byId = (id) => document.getElementById(id);

function element(tag, content, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = content;
  for (const [name, value] of Object.entries(attributes)) made[name] = value;
  return made;
}

function button(content, action, attributes = {}) {
  const made = element('button', content, {type: 'button', ...attributes});
  made.addEventListener('click', action);
  return made;
}

// "89285 httpd (22014) writev 26 = -32 (EPIPE)"
function lineOf(call) {
  const fd = calls.fd[call] < 0 ? '' : ` ${calls.fd[call]}`;
  const result = resultOf(call);
  return `${calls.number[call]} ${processOf(call)} (${pidOf(call)}) ${nameOf(call)}${fd}${result ? ` = ${result}` : ''}`;
}

function tipOf(call) {
  const file = fileOf(call);
  const lines = [lineOf(call), `${clock(calls.start[call])}, ${duration(calls.end[call] - calls.start[call])}`];
  if (file) lines.push(`${file.letter}${file.name}`);
  if (argumentsOf(call)) lines.push(argumentsOf(call).slice(0, 200));
  return lines.join('\n');
}

function showDetails(call) {
  byId('details').hidden = call < 0;
  byId('empty').hidden = call >= 0 || capture.findings.length > 0;
  if (call < 0) return;
  const file = fileOf(call);
  const entries = [
    ['evt.num', calls.enter[call] ? `${calls.enter[call]} > … ${calls.number[call]} <` : calls.number[call]],
    ['proc.name', `${processOf(call)} (${pidOf(call)})`],
    ['thread.tid', tidOf(call)],
    ['evt.type', calls.kind[call] === NOTE ? '' : nameOf(call)],
    ['fd.num', calls.fd[call] < 0 ? '' : calls.fd[call]],
    ['fd.name', file ? `${file.letter}${file.name}` : ''],
    ['evt.args', argumentsOf(call)],
    ['evt.rawres', resultOf(call)],
    ['begins', clock(calls.start[call])],
    [isUnfinished(call) ? 'lasts at least' : 'evt.latency', duration(calls.end[call] - calls.start[call])],
  ];
  byId('detail-title').textContent = calls.kind[call] === NOTE ? 'Recorded by slurper' : nameOf(call);
  byId('detail-list').replaceChildren(
    ...entries.filter(([, value]) => value !== '').flatMap(([name, value]) => [element('dt', name), element('dd', String(value))]));
  byId('wait-list').replaceChildren(...waitsOf(call).map(([text, event]) => {
    const item = document.createElement('li'), other = callByNumber(event);
    item.append(other >= 0 ? button(text, () => select(other, true)) : element('span', text));
    return item;
  }));
  const jumps = [
    button('Zoom to it', () => zoomTo(call)),
    ...[-1, 1].map((by) => button(by < 0 ? '‹ Before' : 'After ›', () => stepInLane(by), {title: by < 0 ? 'The call before in this lane ([)' : 'The next call in this lane (])'})),
  ];
  const query = file?.name ? `fd.name = ${quoted(file.name)}` : `fd.ino = ${file?.inode}`;
  if (file?.name || file?.key >= 0) jumps.push(button(file.key >= 0 ? 'Both ends' : 'Its calls', () => search(query), {title: `Search ${query}`}));
  for (const {write, read, doubt} of (linksOf.get(call) ?? []).slice(0, 4)) {
    const [verb, other] = write === call ? ['read', read] : ['written', write];
    const words = doubt ? `Perhaps ${verb}` : verb[0].toUpperCase() + verb.slice(1);
    jumps.push(button(`${words} by ${processOf(other)} ${calls.number[other]}`, () => select(other, true),
      {title: doubt ? `Unsure: ${doubt}` : 'The read returned bytes of the write'}));
  }
  byId('detail-jumps').replaceChildren(...jumps);
  byId('panel').scrollTop = 0;
}

function showMatches(query) {
  const MOST = 300;
  const {matches} = shown;
  byId('matches').hidden = query === '' || matches.length === 0;
  byId('match-title').textContent = matches.length > MOST ? `The first ${MOST} of ${matches.length} matches` : 'Matches';
  byId('match-list').replaceChildren(...matches.slice(0, MOST).map((call) => {
    const item = document.createElement('li');
    item.append(button(lineOf(call), () => select(call, true), {className: hasFailed(call) ? 'failed' : ''}));
    return item;
  }));
}

function showFindings() {
  byId('findings').hidden = capture.findings.length === 0;
  byId('finding-list').replaceChildren(...capture.findings.map((finding) => {
    const item = document.createElement('li');
    const made = button(finding.text, () => search(`evt.num in (${finding.events.join(', ')})`, true), {className: finding.harm ? 'harm' : 'note'});
    made.append(element('small', finding.advice));
    item.append(made);
    return item;
  }));
}

function showLegend() {
  const explained = {
    read: 'read', write: 'write', wait: 'wait', open: 'open, connect', close: 'close', process: 'process',
    signal: 'signal', other: 'other', failed: 'failed', note: 'recorded by slurper', area: 'content of a pipe',
  };
  byId('colors').replaceChildren(...Object.entries(explained).map(([name, words]) => {
    const item = element('li', '');
    const sample = element('i', '');
    sample.style.background = `var(--${name})`;
    item.append(sample, words);
    return item;
  }));
  const keys = [
    ['Drag, ← → ↑ ↓', 'move'], ['Wheel, pinch, + −', 'zoom; over the names, the wheel moves up and down'], ['Double click', 'zoom in'],
    ['0', 'show all'], ['/', 'search'], ['n, p', 'next, previous match'], ['e', 'search the failed calls'],
    ['[, ]', 'previous, next call in the lane'], ['Click on a process', 'close or open its descriptors'], ['Esc', 'end the search'],
    ['Squares', 'the same color at both ends of a pipe or connection'], ['Thin lines', 'a write, and a read that returned its bytes; dashed if that is not sure'],
    ['Arrows', 'from the selected call to the one that it waits for'],
  ];
  byId('keys').replaceChildren(...keys.flatMap(([key, words]) => [element('dt', key), element('dd', words)]));
  byId('fields').textContent = `${Object.keys(FIELDS).join(' ')}`;
}

function showFacts() {
  const {count} = calls;
  let failed = 0;
  for (let i = 0; i < count; ++i) failed += hasFailed(i) ? 1 : 0;
  const plural = (number, word) => `${number.toLocaleString('en')} ${word}${number === 1 ? '' : word.endsWith('s') ? 'es' : 's'}`;
  byId('title').textContent = capture.capture;
  document.title = `${capture.capture} – slurper trace`;
  byId('facts').textContent = [
    `${date()} ${clock(0).slice(0, 8)}`, duration(capture.to - capture.from), plural(capture.events, 'event'),
    plural(processes.length, 'process'), `${failed.toLocaleString('en')} failed`, ...(capture.filter ? [capture.filter] : []),
  ].join(' · ');
  byId('facts').title = byId('facts').textContent;
}

const shellQuoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

// The events in the time that is shown: [first, last].
function eventsShown() {
  const at = (time) => Math.max(0, Math.min(capture.cellEvents.length - 1, Math.floor(time / capture.cellWidth)));
  let first = at(view.from), last = at(view.to) + 1;
  while (first < capture.cellEvents.length && capture.cellEvents[first] === 0) ++first;
  while (last < capture.cellEvents.length && capture.cellEvents[last] === 0) ++last;
  const end = calls.count ? calls.number[calls.count - 1] : 0;
  return [capture.cellEvents[first] ?? 1, Math.max(capture.cellEvents[last] - 1 || end, capture.cellEvents[first] ?? 1)];
}

function showNotice() {
  const parts = [];
  if (capture.isAggregated) {
    const [first, last] = eventsShown();
    const condition = `evt.num >= ${first} and evt.num <= ${last}`;
    const filter = capture.filter ? `(${capture.filter}) and ${condition}` : condition;
    parts.push(`${capture.events.toLocaleString('en')} events are more than one page shows one by one. It has the ${calls.count.toLocaleString('en')} calls that failed or took longest; ` +
      `the gray columns count all ${capture.allCalls.toLocaleString('en')}, and the lines with arrows count what went through pipes, from whom to whom${capture.flowsLeftOut > 0 ? `, without ${capture.flowsLeftOut.toLocaleString('en')} reads through others` : ''}. To see the others, zoom in to at most 100,000 events, and make a page of these: `,
      element('code', `slurper trace -r ${shellQuoted(capture.capture)} ${shellQuoted(filter)} --html page.html`), ' ');
  }
  if (capture.lost > 0) parts.push(`${capture.lost.toLocaleString('en')} records were lost: some events are missing, and names may be wrong. `);
  for (const note of capture.unseen) parts.push(`${note} `);
  if (capture.events === 0) parts.push(capture.filter ? 'No event matches the filter.' : 'The capture has no events.');
  byId('notice').hidden = parts.length === 0;
  byId('notice').replaceChildren(...parts);
}

// For readers who do not see the canvas, and for scripts.
let said = '';
function sayWhatIsShown() {
  const range = `${duration(view.from)} to ${duration(view.to)}`;
  const now = `${range} ${lanes.length}`;
  if (now === said) return;
  said = now;
  canvas.setAttribute('aria-label', `Calls on a time axis: ${range} of ${duration(capture.to)}, ${lanes.length} lanes`);
  if (capture.isAggregated) showNotice();
}
