// What is in a pipe.

const stateAt = (pipe, time) => pipe.states[lowerBound(pipe.states.length, (i) => pipe.states[i].time, time + 0.5) - 1];
function levelAt(pipe, time) {
  if (pipe.flow.length === 0) return undefined;
  return pipe.flow[lowerBound(pipe.flow.length, (i) => pipe.flow[i].time, time + 0.5) - 1]?.level ?? pipe.first;
}

// "16/16 slots, 1 reader, 2 writers, about 32 KiB"
function pipeText(pipe, time) {
  const state = stateAt(pipe, time), level = levelAt(pipe, time);
  const parts = [];
  if (state) parts.push(`${state.slots}/${state.most} slots`);
  if (level !== undefined) parts.push(`about ${bytes(level)}`);
  if (state) parts.push(`${state.readers} reader${state.readers === 1 ? '' : 's'}`, `${state.writers} writer${state.writers === 1 ? '' : 's'}`);
  return parts.join(', ');
}

// The bytes as an area, the slots as a line above it: a pipe can be full by slots with few bytes in it.
function drawPipe(pipe) {
  const bottom = yOf(pipe) + pipe.height - 4, height = pipe.height - 10;
  if (pipe.flow.length > 0) {
    context.fillStyle = colors.area;
    context.globalAlpha = 0.45;
    let x = view.gutter, level = levelAt(pipe, view.from), highest = level;
    const fill = (to) => {
      const tall = level === 0 ? 0 : Math.max(1, (height * highest) / pipe.size);
      context.fillRect(x, bottom - tall, to - x, tall);
    };
    for (let i = lowerBound(pipe.flow.length, (at) => pipe.flow[at].time, view.from); i < pipe.flow.length; ++i) {
      const step = pipe.flow[i];
      const to = xOf(step.time);
      if (to > view.width) break;
      if (to - x >= 1) {
        fill(to);
        x = to;
        highest = step.level;
      }
      level = step.level;
      highest = Math.max(highest, level);
    }
    fill(xOf(Math.min(view.to, capture.to)));
    context.globalAlpha = 1;
  }
  let before = stateAt(pipe, view.from);
  const first = lowerBound(pipe.states.length, (at) => pipe.states[at].time, view.from);
  for (let i = first; i <= pipe.states.length; ++i) {
    const state = pipe.states[i];
    const x = Math.min(state ? xOf(state.time) : xOf(capture.to), view.width);
    const from = before ? Math.max(xOf(before.time), view.gutter) : x;
    if (before && before.most > 0) {
      context.fillStyle = before.slots >= before.most ? colors.failed : colors.area;
      const y = bottom - (height * before.slots) / before.most;
      context.fillRect(from, y - 1, Math.max(x - from, 1), 2);
      context.fillRect(from - 2, y - 2.5, 5, 5);
    }
    if (!state || x >= view.width) break;
    before = state;
  }
}
