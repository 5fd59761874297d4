// Calls as bars, and the lines between them.

function colorOf(call) {
  return hasFailed(call) ? colors.failed : colors[KINDS[calls.kind[call]]];
}

// Draws rectangles of each color as one where they touch: a lane may have a call on every pixel.
class Runs {
  constructor(y, height, isDim) {
    Object.assign(this, {y, height, alpha: isDim ? 0.45 : 1, from: new Float64Array(KINDS.length + 1), to: new Float64Array(KINDS.length + 1).fill(-Infinity)});
  }
  // `kind` KINDS.length: failed
  add(kind, from, to) {
    if (from > this.to[kind] + 0.75) {
      this.end(kind);
      this.from[kind] = from;
    }
    this.to[kind] = Math.max(this.to[kind], to);
  }
  end(kind) {
    if (this.to[kind] === -Infinity) return;
    context.globalAlpha = this.alpha;
    context.fillStyle = colors[KINDS[kind] ?? 'failed'];
    context.fillRect(this.from[kind], this.y, this.to[kind] - this.from[kind], this.height);
    context.globalAlpha = 1;
    this.to[kind] = -Infinity;
  }
  endAll() {
    for (let kind = 0; kind <= KINDS.length; ++kind) this.end(kind);
  }
}

// Of calls that fall on the same pixel, the failed one is seen, and then the one that matches.
function drawCalls(lane) {
  const y = yOf(lane) + 3, height = lane.height - 7;
  if (lane.kind === 'process' && capture.isAggregated) drawCells(lane);
  if (lane.kind === 'process' && lane.isOpen && lane.all.list.length > lane.own.list.length) drawTicks(lane);
  labelled = 0;
  const {isMatch} = shown;
  const scale = (view.width - view.gutter) / (view.to - view.from);
  const short = new Runs(y, height, isMatch !== undefined);
  const long = [], matching = [], flags = [];
  const ends = new Set();  // the pixels at which long calls end: one call is drawn for each
  visitCalls(callsOfLane(lane), view.from, view.to, (call) => {
    const x = view.gutter + (calls.start[call] - view.from) * scale;
    const end = view.gutter + (calls.end[call] - view.from) * scale;
    const kind = hasFailed(call) ? KINDS.length : calls.kind[call];
    if (kind >= NOTE && isMatch?.[call] !== 0 && !(end < flags.at(-1)?.[0] + 7)) flags.push([end, colorOf(call)]);
    const pixel = kind * 65536 + Math.round(end);
    if (isMatch?.[call]) {
      matching.push(call);
    } else if (end - x > 4) {
      if (!ends.has(pixel)) long.push(call);
      ends.add(pixel);
    } else short.add(kind, x, Math.max(end, x + (kind >= NOTE ? 2 : 1.5)));
  });
  for (const call of long) drawCall(call, y, height);
  short.endAll();
  let last = -Infinity;
  for (const call of matching) {
    const x = xOf(calls.start[call]), end = Math.max(xOf(calls.end[call]), x + 2);
    if (end <= last + 0.5) continue;
    last = end;
    context.fillStyle = colors.match;
    context.fillRect(x - 2, y - 3, end - x + 4, height + 6);
    drawCall(call, y, height);
  }
  for (const [x, color] of flags) drawFlag(x, y - 2, color);
}

// Where the last text in the lane ends: calls of several threads overlap.
let labelled = 0;

// A bar as long as the call: faint while it lasts, solid where it returns.
function drawCall(call, y, height) {
  const x = xOf(calls.start[call]), end = Math.max(xOf(calls.end[call]), x + 2);
  const isDim = shown.isMatch && !shown.isMatch[call];
  context.fillStyle = colorOf(call);
  context.globalAlpha = (isDim ? 0.5 : 1) * (end - x > 4 ? 0.4 : 1);
  context.fillRect(x, y, end - x, height);
  context.globalAlpha = isDim ? 0.45 : 1;
  if (end - x > 4 && !isUnfinished(call)) context.fillRect(end - 2, y, 2, height);
  const from = Math.max(x, view.gutter), to = Math.min(end, view.width);
  if (to - from > 46 && from >= labelled) {
    labelled = to;
    context.fillStyle = colors.text;
    context.font = FONT;
    const result = hasResult(call) ? ` ${capture.errors[calls.result[call]] ?? calls.result[call]}` : '';
    context.fillText(fit(nameOf(call) + result, to - from - 8), from + 4, y + height / 2 + 1);
  }
  context.globalAlpha = 1;
}

function drawFlag(x, y, color) {
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(x - 4, y);
  context.lineTo(x + 4, y);
  context.lineTo(x, y + 6);
  context.fill();
}

// Below an open process: when it makes calls at all. From pixel to pixel by bisection, for there may be many.
function drawTicks(lane) {
  const {list} = lane.all;
  const y = yOf(lane) + lane.height - 4;
  context.fillStyle = colors.faint;
  const next = (time) => lowerBound(list.length, (i) => calls.start[list[i]], time);
  for (let i = next(view.from); i < list.length && calls.start[list[i]] <= view.to;) {
    const x = xOf(calls.start[list[i]]);
    context.fillRect(x, y, 1, 3);
    i = Math.max(i + 1, next(timeAt(x + 1)));
  }
}

// How many calls there were, the page's own and those that it lacks.
function drawCells(lane) {
  const cells = capture.cellsByPid.get(lane.pid);
  if (!cells) return;
  const y = yOf(lane) + lane.height - 2, height = lane.height - 5;
  for (const [at, count, failed] of cells.list) {
    const x = xOf(at * capture.cellWidth), end = xOf((at + 1) * capture.cellWidth);
    if (end < view.gutter || x > view.width) continue;
    const share = Math.log1p(count) / Math.log1p(cells.most);
    context.globalAlpha = 0.45;
    context.fillStyle = colors.other;
    context.fillRect(x, y - height * share, Math.max(end - x, 1), height * share);
    context.globalAlpha = 0.9;
    context.fillStyle = colors.failed;
    if (failed > 0) context.fillRect(x, y - 3, Math.max(end - x, 1), 3);
  }
  context.globalAlpha = 1;
}

// Of a page that lacks calls: which lanes bytes went between, and when. Lines that would be too near to each other are
// drawn as one, which is wider.
function drawFlows() {
  const MOST = 1500, APART = 12, {cellWidth} = capture;
  const cellPixels = (cellWidth / (view.to - view.from)) * (view.width - view.gutter);
  const first = Math.floor(view.from / cellWidth), last = Math.ceil(view.to / cellWidth);
  const together = Math.max(1, Math.ceil(APART / cellPixels));
  let drawn = 0;
  for (const flow of capture.flows) {  // those that were used most come first
    const from = laneOfEnd(flow.writer, flow.writeFd), to = laneOfEnd(flow.reader, flow.readFd);
    if (!from || !to || from === to || Math.max(yOf(from), yOf(to)) < TOP - from.height || Math.min(yOf(from), yOf(to)) > view.height) continue;
    const {cells} = flow;
    for (let i = lowerBound(cells.length, (at) => cells[at][0], first); i < cells.length && cells[i][0] <= last;) {
      if (++drawn > MOST) return;
      const group = Math.floor(cells[i][0] / together);
      let count = 0;
      for (; i < cells.length && Math.floor(cells[i][0] / together) === group; ++i) count += cells[i][1];
      drawFlow(flow, from, to, xOf((group + 0.5) * together * cellWidth), count);
    }
  }
}

function drawFlow(flow, from, to, x, count) {
  const y = yOf(from) + from.height / 2, end = yOf(to) + to.height / 2;
  context.strokeStyle = colorOfKey(Math.max(to.key ?? from.key ?? 0, 0));
  context.globalAlpha = 0.5;
  context.lineWidth = Math.min(1 + Math.log10(count), 4);
  context.setLineDash(flow.isUnsure ? [5, 4] : []);
  drawArrow(x, y, x, end);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawArrow(x, y, x2, y2) {
  const SIZE = 6, angle = Math.atan2(y2 - y, x2 - x);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x2, y2);
  for (const side of [-0.5, 0.5]) {
    context.moveTo(x2, y2);
    context.lineTo(x2 - SIZE * Math.cos(angle + side), y2 - SIZE * Math.sin(angle + side));
  }
  context.stroke();
}

// From the selected call to the one that it waited for, and on to the end of the chain, or round the circle.
function drawWaits() {
  const chain = waitChain(shown.selected);
  context.strokeStyle = colors.select;
  context.lineWidth = 2;
  for (let i = 1; i < chain.length; ++i) {
    const [from, to] = [chain[i - 1], chain[i]].map((call) => ({call, lane: laneOf(call)}));
    // At a time at which both lasted, in the part that is shown, if there is one.
    const begin = Math.max(calls.start[from.call], calls.start[to.call], view.from);
    const end = Math.min(calls.end[from.call], calls.end[to.call], view.to);
    const share = i / (chain.length + 1);
    const both = begin <= end ? begin + (end - begin) * share : undefined;
    const [x, x2] = [from.call, to.call].map((call) => xOf(both ?? calls.end[call]));
    drawArrow(x, yOf(from.lane) + from.lane.height / 2, x2, yOf(to.lane) + to.lane.height / 2);
  }
}

// Each write with the read that returned its bytes, unless that would cover everything. What is not sure is dashed.
function drawLinks() {
  const MOST = 1500;
  const first = lowerBound(links.length, (i) => calls.end[links[i].read], view.from);
  const end = lowerBound(links.length, (i) => calls.end[links[i].read], view.to);
  if (end - first > MOST) return;
  for (let i = first; i < end; ++i) drawLink(links[i], 0.55, 1);
}

function drawLink({write, read, doubt}, alpha, width) {
  const from = laneOf(write), to = laneOf(read);
  if (from === to) return;
  const x = xOf(calls.end[write]), x2 = xOf(calls.end[read]);
  context.strokeStyle = colorOfKey(Math.max(fileOf(read)?.key ?? 0, 0));
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.setLineDash(doubt ? [5, 4] : []);
  context.beginPath();
  context.moveTo(x, yOf(from) + from.height / 2);
  context.lineTo(x2, yOf(to) + to.height / 2);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawSelected() {
  const call = shown.selected;
  if (call < 0) return;
  for (const link of linksOf.get(call) ?? []) drawLink(link, 1, 2);
  drawWaits();
  const lane = laneOf(call);
  const x = xOf(calls.start[call]), end = Math.max(xOf(calls.end[call]), x + 2);
  context.strokeStyle = colors.select;
  context.lineWidth = 2;
  context.strokeRect(x - 2, yOf(lane) + 1, end - x + 4, lane.height - 3);
}
