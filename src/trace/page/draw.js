// Draws the picture. `view` says which part of it.

const canvas = document.getElementById('picture');
const context = canvas.getContext('2d');
const OVERVIEW = 30, AXIS = 22, TOP = OVERVIEW + AXIS;
const view = {from: capture.from, to: capture.to, scroll: 0, width: 0, height: 0, gutter: 0};
const shown = {selected: -1, hovered: -1, hoveredLane: undefined, matches: [], isMatch: undefined};
let colors = {};

const FONT = '12px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif';
const BOLD = `600 ${FONT}`;
const KEY_COLORS = ['#3f8efc', '#e0803a', '#2fae7a', '#b45bd6', '#c9a400', '#e05a8c', '#2aa7b8', '#8b7355'];
const colorOfKey = (key) => KEY_COLORS[key % KEY_COLORS.length];

const xOf = (time) => view.gutter + ((time - view.from) / (view.to - view.from)) * (view.width - view.gutter);
const timeAt = (x) => view.from + ((x - view.gutter) / (view.width - view.gutter)) * (view.to - view.from);
const yOf = (lane) => TOP + lane.top - view.scroll;
const isVisible = (lane) => yOf(lane) + lane.height > TOP && yOf(lane) < view.height;
const laneAt = (y) => (y < TOP ? undefined : lanes[lowerBound(lanes.length, (i) => lanes[i].top + lanes[i].height, y - TOP + view.scroll + 0.01)]);

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = ['back', 'raised', 'line', 'text', 'faint', 'accent', 'stripe', 'band', 'failed', 'area', 'match', 'select', ...KINDS];
  colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

let isDue = false;
function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

// As much of a text as fits, with an ellipsis: its beginning, or its end, by which paths differ.
const fitted = new Map();
function fit(text, width, part = (length) => `${text.slice(0, length)}…`) {
  const key = `${context.font}|${Math.floor(width)}|${part(1)}|${text}`;
  if (!fitted.has(key)) {
    if (fitted.size > 5000) fitted.clear();
    const isWhole = context.measureText(text).width <= width;
    const length = isWhole ? 0 : lowerBound(text.length, (i) => context.measureText(part(i + 1)).width, width);
    fitted.set(key, isWhole ? text : length > 0 ? part(length) : '');
  }
  return fitted.get(key);
}
const fitEnd = (text, width) => fit(text, width, (length) => `…${text.slice(-length)}`);

function draw() {
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.fillStyle = colors.back;
  context.fillRect(0, 0, view.width, view.height);
  context.textBaseline = 'middle';
  context.save();
  context.beginPath();
  context.rect(0, TOP, view.width, view.height - TOP);
  context.clip();
  for (const lane of lanes) if (isVisible(lane)) drawBack(lane);
  drawGrid();
  context.save();
  context.beginPath();
  context.rect(view.gutter, TOP, view.width - view.gutter, view.height - TOP);
  context.clip();
  if (capture.isAggregated) drawFlows();
  drawLinks();
  for (const lane of lanes) {
    if (!isVisible(lane)) continue;
    if (lane.kind === 'pipe') drawPipe(lane);
    else drawCalls(lane);
  }
  drawSelected();
  context.restore();
  for (const lane of lanes) if (isVisible(lane)) drawLabel(lane);
  drawBrackets();
  context.restore();
  drawAxis();
  drawOverview();
  sayWhatIsShown();
}

// A step of 1, 2 or 5 times a power of ten that is at least `least`.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((by) => by * power).find((step) => step >= least * 0.999);
}
const step = () => Math.max(1, niceStep(((view.to - view.from) * 105) / Math.max(view.width - view.gutter, 1)));

function axisLabel(time, by) {
  const size = Math.max(Math.abs(view.from), Math.abs(view.to));
  const [unit, scale] = size < 1e6 ? ['µs', 1e3] : size < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(by / scale) - 1e-9)));
  return `${(time / scale).toFixed(digits)} ${unit}`;
}

function visitTicks(visit) {
  const by = step();
  for (let at = Math.ceil(view.from / by); at * by <= view.to; ++at) visit(at * by, by);
}

function drawGrid() {
  context.fillStyle = colors.line;
  visitTicks((time) => context.fillRect(Math.round(xOf(time)), TOP, 1, view.height - TOP));
}

function drawAxis() {
  context.fillStyle = colors.raised;
  context.fillRect(0, OVERVIEW, view.width, AXIS);
  context.font = FONT;
  context.fillStyle = colors.faint;
  visitTicks((time, by) => {
    const label = axisLabel(time, by), x = xOf(time);
    if (x + 4 + context.measureText(label).width < view.width) context.fillText(label, x + 4, OVERVIEW + AXIS / 2);
    context.fillRect(Math.round(x), OVERVIEW + 4, 1, AXIS - 4);
  });
  context.fillStyle = colors.raised;
  context.fillRect(0, OVERVIEW, view.gutter, AXIS);
  context.fillStyle = colors.faint;
  context.fillText(fit(clock(view.from), view.gutter - 12), 6, OVERVIEW + AXIS / 2);
  context.fillStyle = colors.line;
  context.fillRect(0, TOP - 1, view.width, 1);
}

const overviewX = (time) => ((time - capture.from) / (capture.to - capture.from)) * view.width;

// The calls of the whole time in columns, drawn once: until the width or the theme changes.
const overview = document.createElement('canvas');
function renderOverview() {
  const counts = new Float64Array(Math.ceil(view.width) + 1), failed = new Uint8Array(counts.length);
  const add = (time, count, failures) => {
    const at = Math.max(0, Math.min(counts.length - 1, Math.floor(overviewX(time))));
    counts[at] += count;
    if (failures) failed[at] = 1;
  };
  if (capture.isAggregated) {
    for (const {list} of capture.cellsByPid.values()) for (const [at, count, failures] of list) add((at + 0.5) * capture.cellWidth, count, failures);
  } else {
    for (let i = 0; i < calls.count; ++i) add(calls.end[i], 1, hasFailed(i));
  }
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  overview.width = Math.max(1, Math.round(view.width));
  overview.height = OVERVIEW;
  const brush = overview.getContext('2d');
  for (let x = 0; x < counts.length; ++x) {
    const tall = counts[x] ? 2 + (OVERVIEW - 8) * (Math.log1p(counts[x]) / Math.log1p(most)) : 0;
    brush.fillStyle = colors.other;
    brush.fillRect(x, OVERVIEW - 2 - tall, 1, tall);
    brush.fillStyle = colors.failed;
    if (failed[x]) brush.fillRect(x - 1, 0, 2, 5);
  }
}

// The whole time, with the part that is shown.
function drawOverview() {
  context.fillStyle = colors.stripe;
  context.fillRect(0, 0, view.width, OVERVIEW);
  context.drawImage(overview, 0, 0, view.width, OVERVIEW);
  const from = overviewX(view.from), to = Math.max(overviewX(view.to), from + 3);
  context.fillStyle = colors.accent;
  context.globalAlpha = 0.14;
  context.fillRect(from, 0, to - from, OVERVIEW);
  context.globalAlpha = 1;
  context.strokeStyle = colors.accent;
  context.lineWidth = 1;
  context.strokeRect(from + 0.5, 0.5, to - from - 1, OVERVIEW - 1);
}
