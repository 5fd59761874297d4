// The lanes themselves, and what stands in front of them.

function drawBack(lane) {
  const y = yOf(lane);
  const isHovered = lane === shown.hoveredLane;
  context.fillStyle = lane.kind === 'process' ? colors.band : isHovered ? colors.stripe : colors.back;
  context.fillRect(0, y, view.width, lane.height);
  context.fillStyle = colors.line;
  context.globalAlpha = 0.5;
  context.fillRect(0, y + lane.height - 1, view.width, 1);
  context.globalAlpha = 1;
}

function drawLabel(lane) {
  const y = yOf(lane), middle = y + lane.height / 2;
  context.fillStyle = lane.kind === 'process' ? colors.band : colors.back;
  context.fillRect(0, y, view.gutter, lane.height - 1);
  const key = lane.kind === 'process' ? -1 : lane.key;
  const end = view.gutter - (key >= 0 ? 16 : 6);
  context.font = lane.kind === 'process' ? BOLD : FONT;
  if (lane.kind === 'process') {
    context.fillStyle = colors.text;
    const mark = lane.fds.length === 0 ? ' ' : lane.isOpen ? '▾' : '▸';
    context.fillText(mark, 5, middle);
    const pid = ` ${lane.pid}`;
    const width = context.measureText(pid).width;
    const name = fit(lane.name || '<NA>', end - 18 - width);
    context.fillText(name, 18, middle);
    context.fillStyle = colors.faint;
    context.font = FONT;
    context.fillText(pid, 18 + measure(name, BOLD), middle);
  } else if (lane.kind === 'fd') {
    context.fillStyle = colors.faint;
    context.textAlign = 'right';
    context.fillText(String(lane.fd), 34, middle);
    context.textAlign = 'left';
    context.fillStyle = colors.text;
    context.fillText(fitEnd(view.gutter < 200 ? lane.shortLabel : lane.label, end - 40), 40, middle);
  } else {
    context.fillStyle = colors.text;
    context.fillText(fitEnd(lane.title, end - 6), 6, middle - 8);
    context.fillStyle = colors.faint;
    context.fillText(fit(pipeText(lane, view.to), end - 6), 6, middle + 8);
  }
  if (key >= 0) {
    context.fillStyle = colorOfKey(key);
    context.fillRect(view.gutter - 12, middle - 4, 8, 8);
  }
  context.fillStyle = colors.line;
  context.fillRect(view.gutter - 1, y, 1, lane.height);
}

function measure(text, font) {
  const before = context.font;
  context.font = font;
  const {width} = context.measureText(text);
  context.font = before;
  return width;
}

// Joins, in the gutter, the lanes that are ends of what is pointed at or selected.
function drawBrackets() {
  const call = shown.hovered >= 0 ? shown.hovered : shown.hoveredLane === undefined ? shown.selected : -1;
  const key = call >= 0 ? fileOf(call)?.key ?? -1 : shown.hoveredLane?.key ?? -1;
  const ends = key < 0 ? [] : lanes.filter((lane) => lane.keys?.has(key));
  if (ends.length < 2) return;
  const middles = ends.map((lane) => yOf(lane) + lane.height / 2);
  context.fillStyle = colorOfKey(key);
  context.fillRect(view.gutter - 9, Math.min(...middles), 2, Math.max(...middles) - Math.min(...middles));
  for (const middle of middles) context.fillRect(view.gutter - 14, middle - 6, 12, 12);
}
