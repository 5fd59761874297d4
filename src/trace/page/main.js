// Puts the parts together.

function toggleLegend() {
  byId('legend').hidden = !byId('legend').hidden;
  byId('help').setAttribute('aria-expanded', String(!byId('legend').hidden));
  if (!byId('legend').hidden) byId('legend').scrollIntoView();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  readColors();
  renderOverview();
  redraw();
}

function resize() {
  const {width, height} = byId('stage').getBoundingClientRect();
  if (canvas.width !== Math.round(width * devicePixelRatio) || canvas.height !== Math.round(height * devicePixelRatio)) {
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    Object.assign(view, {width, height, gutter: width < 600 ? 132 : 250});
    renderOverview();
  }
  clampView();
  redraw();
}

if (capture.isAggregated) {
  capture.cellsByPid = new Map(capture.cells.map(([pid, ...numbers]) => {
    const list = [];
    for (let i = 0; i < numbers.length; i += 3) list.push(numbers.slice(i, i + 3));
    return [pid, {list, most: list.reduce((most, [, count]) => Math.max(most, count), 1)}];
  }));
}

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
let hasChosenTheme = false;
setTheme(prefersDark.matches ? 'dark' : 'light');
prefersDark.addEventListener('change', () => hasChosenTheme || setTheme(prefersDark.matches ? 'dark' : 'light'));

const onClick = {
  previous: () => goToMatch(-1),
  next: () => goToMatch(1),
  errors: () => search('evt.failed = true', true),
  closer: () => zoom(0.6),
  farther: () => zoom(1 / 0.6),
  fit: showAll,
  help: toggleLegend,
  theme: () => {
    hasChosenTheme = true;
    setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
  },
};
for (const [id, action] of Object.entries(onClick)) byId(id).addEventListener('click', action);
byId('search').addEventListener('input', () => search(byId('search').value));
listenToPointers();
listenToKeys();
showFacts();
showFindings();
showLegend();
showNotice();
if (capture.findings.length === 0 && matchMedia('(min-width: 761px)').matches) toggleLegend();
new ResizeObserver(resize).observe(byId('stage'));
resize();
showAll();
