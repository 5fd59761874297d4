'use strict';
// What the page shows, unpacked. Times are nanoseconds since the first event. Texts of the capture reach the
// document as text nodes and the canvas as drawn text, never as markup.

const KINDS = ['other', 'read', 'write', 'wait', 'open', 'close', 'process', 'signal', 'note'];
const READ = 1, WRITE = 2, WAIT = 3, NOTE = 8;
const HAS_RESULT = 1, UNFINISHED = 2, FAILED = 4;

function unpack(text) {
  const data = JSON.parse(text);
  const {calls} = data;
  const count = calls.number.length;
  const sums = (column) => {
    let sum = 0;
    return Float64Array.from(column, (difference) => (sum += difference));
  };
  const number = sums(calls.number);
  const start = sums(calls.start);
  const end = Float64Array.from(start, (from, i) => from + calls.duration[i]);
  const enter = Float64Array.from(number, (last, i) => (calls.enter[i] ? last - calls.enter[i] : 0));
  for (const name of ['who', 'name', 'fd', 'file', 'kind', 'state', 'arguments']) calls[name] = Int32Array.from(calls[name]);
  const capture = {...data, calls: {...calls, count, number, start, end, enter}};
  capture.from = start.reduce((a, b) => Math.min(a, b), 0);
  capture.to = end.reduce((a, b) => Math.max(a, b), Math.max(data.length, capture.from + 1000));
  capture.isAggregated = data.cells !== undefined;
  capture.flows = (data.flows ?? []).map(([writer, writeFd, reader, readFd, isUnsure, ...numbers]) => {
    const cells = [];
    for (let i = 0; i < numbers.length; i += 2) cells.push(numbers.slice(i, i + 2));
    const all = cells.reduce((sum, [, count]) => sum + count, 0);
    return {writer, writeFd, reader, readFd, isUnsure: isUnsure === 1, cells, all};
  }).sort((a, b) => b.all - a.all);
  capture.files = data.files.map(([type, letter, name, key, inode]) => ({type, letter, name, key, inode}));
  return capture;
}

const capture = unpack(document.getElementById('capture').textContent);
const calls = capture.calls;

const pidOf = (i) => capture.who[calls.who[i]][1];
const tidOf = (i) => capture.who[calls.who[i]][0];
const processOf = (i) => capture.who[calls.who[i]][2] || '<NA>';
const nameOf = (i) => capture.names[calls.name[i]];
const argumentsOf = (i) => calls.texts[calls.arguments[i]];
const fileOf = (i) => (calls.file[i] < 0 ? undefined : capture.files[calls.file[i]]);
const hasFailed = (i) => (calls.state[i] & FAILED) !== 0;
const isUnfinished = (i) => (calls.state[i] & UNFINISHED) !== 0;
const hasResult = (i) => (calls.state[i] & HAS_RESULT) !== 0;

function resultOf(i) {
  if (!hasResult(i)) return isUnfinished(i) ? 'has not ended' : '';
  const name = capture.errors[calls.result[i]];
  return name ? `${calls.result[i]} (${name})` : String(calls.result[i]);
}

// The call with this evt.num, be that of its beginning or of its end; -1 if the page lacks it.
const callByNumber = (() => {
  const byNumber = new Map();
  for (let i = calls.count - 1; i >= 0; --i) {
    byNumber.set(calls.number[i], i);
    if (calls.enter[i]) byNumber.set(calls.enter[i], i);
  }
  return (number) => byNumber.get(number) ?? -1;
})();

// Whom a call has waited for, and so on: sentences, and the event that each is about.
const waitsOf = (() => {
  const byCall = new Map(capture.waits.map(([call, ...sentences]) => [call, sentences]));
  return (call) => byCall.get(call) ?? [];
})();

// The calls that the sentences are about, in their order: each waited for the next one.
function waitChain(call) {
  const chain = [call];
  for (const [, event] of waitsOf(call)) {
    const next = callByNumber(event);
    if (next >= 0 && next !== chain.at(-1)) chain.push(next);
  }
  return chain;
}

// "1.5 ms"
function duration(nanoseconds) {
  const size = Math.abs(nanoseconds);
  const [unit, by] = size < 1e3 ? ['ns', 1] : size < 1e6 ? ['µs', 1e3] : size < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  const value = nanoseconds / by;
  return `${unit === 'ns' ? Math.round(value) : Number(value.toPrecision(4))} ${unit}`;
}

// Local time of the machine that made the page: "07:12:54.259984241".
function clock(time) {
  const moment = BigInt(capture.begin) + BigInt(Math.round(time)) + BigInt(capture.zone) * 1000000000n;
  const text = new Date(Number(moment / 1000000n)).toISOString();
  return `${text.slice(11, 19)}.${String(moment % 1000000000n).padStart(9, '0')}`;
}

function date() {
  const seconds = BigInt(capture.begin) / 1000000000n + BigInt(capture.zone);
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

// "4.5 KiB"
function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${Number((count / 1024).toPrecision(3))} KiB` : `${Number((count / 1048576).toPrecision(3))} MiB`;
}
