// Lanes: a process, each of its descriptors, each pipe; and which lanes are two ends of the same.

const PROCESS_HEIGHT = 24, FD_HEIGHT = 20, PIPE_HEIGHT = 46;
const MAX_OPEN_LANES = 80;   // more are closed at first
const MAX_PIPE_LANES = 6;   // those that were fullest
const LEAST_FILL = 0.1;

// Calls in order of their beginning, and for each the latest end so far: what is visible is found by bisection.
function timed(list) {
  list.sort((a, b) => calls.start[a] - calls.start[b] || a - b);
  const latest = new Float64Array(list.length);
  let end = -Infinity;
  list.forEach((call, i) => (latest[i] = end = Math.max(end, calls.end[call])));
  return {list, latest};
}

// The first place whose value is not below `value`.
function lowerBound(length, valueAt, value) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Calls `visit` with each call of the list that is in this time.
function visitCalls({list, latest}, from, to, visit) {
  for (let i = lowerBound(list.length, (at) => latest[at], from); i < list.length && calls.start[list[i]] <= to; ++i)
    if (calls.end[list[i]] >= from) visit(list[i]);
}

function buildProcesses() {
  const processes = new Map();
  for (const [tid, pid, name] of capture.who) {
    if (!processes.has(pid)) processes.set(pid, {kind: 'process', pid, name, fds: new Map(), all: [], own: [], failed: 0});
    if (tid === pid) processes.get(pid).name = name;
  }
  for (let i = 0; i < calls.count; ++i) {
    const process = processes.get(pidOf(i));
    process.all.push(i);
    process.failed += hasFailed(i) ? 1 : 0;
    const fd = calls.fd[i];
    if (fd < 0) {
      process.own.push(i);
      continue;
    }
    if (!process.fds.has(fd)) process.fds.set(fd, {kind: 'fd', process, fd, calls: [], files: new Map(), key: -1, keys: new Set()});
    const lane = process.fds.get(fd);
    lane.calls.push(i);
    const file = calls.file[i];
    if (file < 0) continue;
    lane.files.set(file, (lane.files.get(file) ?? 0) + 1);
    if (capture.files[file].key < 0) continue;
    lane.key = capture.files[file].key;
    lane.keys.add(lane.key);
  }
  for (const process of processes.values()) {
    process.all = timed(process.all);
    process.own = timed(process.own);
    process.fds = [...process.fds.values()].sort((a, b) => a.fd - b.fd);
    for (const lane of process.fds) {
      lane.calls = timed(lane.calls);
      // The name that most of its calls had.
      const files = [...lane.files].sort((a, b) => b[1] - a[1]).map(([file]) => capture.files[file]);
      lane.shortLabel = files.length === 0 ? '' : files[0].name || files[0].type;
      lane.label = files.length === 0 ? '' : files[0].letter + lane.shortLabel + (files.length > 1 ? ` +${files.length - 1}` : '');
    }
  }
  return [...processes.values()].filter((process) => process.all.list.length > 0 || capture.isAggregated);
}

// How much is in a pipe: the slots, as recorded, and the bytes, as far as the calls tell.
function buildPipes() {
  const pipes = new Map();
  const pipeOf = (file) => {
    const {key, name, type, inode} = capture.files[file];
    if (key < 0 || type !== 'pipe') return undefined;
    if (!pipes.has(key)) pipes.set(key, {kind: 'pipe', key, keys: new Set([key]), name, inode, states: [], flow: [], reads: 0, writes: 0, from: new Set(), to: new Set()});
    const pipe = pipes.get(key);
    pipe.name ||= name;
    return pipe;
  };
  capture.pipes.file.forEach((file, i) => {
    const [time, slots, most, readers, writers] = ['time', 'slots', 'most', 'readers', 'writers'].map((name) => capture.pipes[name][i]);
    pipeOf(file)?.states.push({time, slots, most, readers, writers});
  });
  for (let i = 0; i < calls.count; ++i) {
    const pipe = calls.file[i] < 0 ? undefined : pipeOf(calls.file[i]);
    if (!pipe || hasFailed(i) || !(calls.result[i] > 0)) continue;
    const isRead = calls.kind[i] === READ;
    if (!isRead && calls.kind[i] !== WRITE) continue;
    pipe[isRead ? 'reads' : 'writes'] += 1;
    pipe[isRead ? 'to' : 'from'].add(processOf(i));
    pipe.flow.push({time: calls.end[i], bytes: isRead ? -calls.result[i] : calls.result[i]});
  }
  const lanes = [...pipes.values()].filter((pipe) => pipe.states.length > 0 || (pipe.reads > 0 && pipe.writes > 0));
  for (const pipe of lanes) {
    pipe.flow.sort((a, b) => a.time - b.time);
    let level = 0, least = 0, most = 0;
    for (const step of pipe.flow) {
      step.level = level += step.bytes;
      least = Math.min(least, level);
      most = Math.max(most, level);
    }
    // What the pipe contained at first was not recorded: it was at least what was read beyond what was written.
    for (const step of pipe.flow) step.level -= least;
    pipe.first = -least;
    pipe.size = Math.max(65536, 4096 * Math.max(0, ...pipe.states.map((state) => state.most)));
    // More than fits: a reader or a writer is missing.
    const isWhole = pipe.reads > 0 && pipe.writes > 0 && most - least <= pipe.size && !capture.isAggregated && capture.filter === '';
    if (!isWhole) pipe.flow = [];
    pipe.fullest = Math.max(0, ...pipe.states.map(({slots, most: all}) => slots / all), isWhole ? (most - least) / pipe.size : 0);
    const names = (set) => [...set].slice(0, 2).join(', ') || '?';
    pipe.title = pipe.name || `${names(pipe.from)} → ${names(pipe.to)}`;
  }
  return lanes.filter((pipe) => pipe.fullest >= LEAST_FILL).sort((a, b) => b.fullest - a.fullest).slice(0, MAX_PIPE_LANES);
}

// What reads from pipes have returned, as the capture tells. A link without `doubt` is sure.
function pipeLinks() {
  let number = 0;
  return capture.links.read.map((difference, i) => {
    number += difference;
    return {read: callByNumber(number), write: callByNumber(number - capture.links.write[i]), doubt: capture.links.reasons[capture.links.doubt[i]]};
  }).filter(({read, write}) => read >= 0 && write >= 0);
}

// Of a connection, joins a read with the writes whose bytes it returned by their order and their number of bytes.
function connectionLinks() {
  const doubt = 'only the order and the sizes of the calls in this page tell it';
  const links = [], steps = [];
  if (capture.isAggregated) return links;
  for (let i = 0; i < calls.count; ++i) {
    const file = fileOf(i);
    const moves = calls.kind[i] === READ || calls.kind[i] === WRITE;
    if (!moves || file === undefined || file.key < 0 || file.type === 'pipe' || !(calls.result[i] > 0)) continue;
    // Bytes can be read before the write returns, but not before it began.
    steps.push({call: i, key: file.key, isRead: calls.kind[i] === READ, time: calls.kind[i] === READ ? calls.end[i] : calls.start[i]});
  }
  steps.sort((a, b) => a.time - b.time || a.isRead - b.isRead);
  const queues = new Map();  // by the connection, and by the end that has written
  for (const {call, key, isRead} of steps) {
    if (!queues.has(key)) queues.set(key, new Map());
    const ofKey = queues.get(key), side = calls.file[call];
    if (!isRead) {
      if (!ofKey.has(side)) ofKey.set(side, {writes: [], at: 0});
      ofKey.get(side).writes.push({call, left: calls.result[call]});
      continue;
    }
    let left = calls.result[call];
    for (const [writer, queue] of ofKey) {
      if (writer === side) continue;
      while (left > 0 && queue.at < queue.writes.length) {
        const write = queue.writes[queue.at];
        const taken = Math.min(left, write.left);
        links.push({write: write.call, read: call, doubt});
        left -= taken;
        write.left -= taken;
        if (write.left === 0) queue.at += 1;
      }
    }
  }
  return links;
}

const processes = buildProcesses();
const pipes = buildPipes();
const links = [...pipeLinks(), ...connectionLinks()].sort((a, b) => calls.end[a.read] - calls.end[b.read]);
const linksOf = new Map();
for (const link of links) {
  for (const call of [link.write, link.read]) {
    if (!linksOf.has(call)) linksOf.set(call, []);
    linksOf.get(call).push(link);
  }
}

{
  let left = MAX_OPEN_LANES;
  const byWeight = [...processes].sort((a, b) => b.failed - a.failed || b.all.list.length - a.all.list.length);
  for (const process of byWeight) {
    process.isOpen = process.fds.length <= left;
    if (process.isOpen) left -= process.fds.length;
  }
}

// The lanes from top to bottom, each with its place; those of closed processes have none.
let lanes = [];
let lanesHeight = 0;
function layLanes() {
  lanes = [];
  lanesHeight = 0;
  const lay = (lane, height) => {
    lane.top = lanesHeight;
    lane.height = height;
    lanesHeight += height;
    lanes.push(lane);
  };
  for (const pipe of pipes) lay(pipe, PIPE_HEIGHT);
  for (const process of processes) {
    lay(process, PROCESS_HEIGHT);
    if (process.isOpen) for (const lane of process.fds) lay(lane, FD_HEIGHT);
  }
}
layLanes();

const laneByFd = new Map();
for (const process of processes) for (const lane of process.fds) laneByFd.set(`${process.pid} ${lane.fd}`, lane);
const processByPid = new Map(processes.map((process) => [process.pid, process]));

// The lane of a process's descriptor, or that of the process, if that is closed or the page has no call on it.
function laneOfEnd(pid, fd) {
  const process = processByPid.get(pid);
  return process?.isOpen ? laneByFd.get(`${pid} ${fd}`) ?? process : process;
}

// The lane in which a call is drawn now.
function laneOf(i) {
  const process = processByPid.get(pidOf(i));
  return calls.fd[i] >= 0 && process.isOpen ? laneByFd.get(`${process.pid} ${calls.fd[i]}`) : process;
}
const callsOfLane = (lane) => (lane.kind === 'fd' ? lane.calls : lane.isOpen ? lane.own : lane.all);
