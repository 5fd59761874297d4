// The search: comparisons with the fields of slurper trace's filters, `and`, `or`, `not` and parentheses. As
// there, no comparison with a field that the event lacks holds.

const text = (of) => ({of: (i) => [of(i)]});
const number = (of) => ({of: (i) => [of(i)], isNumber: true});
const truth = (of) => ({of: (i) => [String(of(i))], isTruth: true});
const FIELDS = {
  'evt.num': {of: (i) => [calls.number[i], calls.enter[i] || undefined], isNumber: true},
  'evt.type': text(nameOf),
  'evt.res': text((i) => (!hasResult(i) ? undefined : calls.result[i] < 0 ? capture.errors[calls.result[i]] : 'SUCCESS')),
  'evt.rawres': number((i) => (hasResult(i) ? calls.result[i] : undefined)),
  'evt.failed': truth(hasFailed),
  'evt.latency': number((i) => calls.end[i] - calls.start[i]),
  'evt.reltime': number((i) => calls.end[i]),
  'evt.args': text(argumentsOf),
  'evt.is_io_read': truth((i) => calls.kind[i] === READ),
  'evt.is_io_write': truth((i) => calls.kind[i] === WRITE),
  'evt.is_wait': truth((i) => calls.kind[i] === WAIT),
  'proc.name': text((i) => capture.who[calls.who[i]][2]),
  'proc.pid': number(pidOf),
  'thread.tid': number(tidOf),
  'fd.num': number((i) => (calls.fd[i] < 0 ? undefined : calls.fd[i])),
  'fd.name': text((i) => fileOf(i)?.name),
  'fd.type': text((i) => fileOf(i)?.type),
  'fd.ino': text((i) => (fileOf(i)?.inode === '0' ? undefined : fileOf(i)?.inode)),
};

const TEXT_TESTS = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  contains: (a, b) => a.includes(b),
  icontains: (a, b) => a.toLowerCase().includes(b.toLowerCase()),
  startswith: (a, b) => a.startsWith(b),
  endswith: (a, b) => a.endsWith(b),
};
const NUMBER_TESTS = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function tokensOf(query) {
  const tokens = [];
  const pattern = /\s*(?:(<=|>=|==|!=|[=<>(),])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s=<>(),"'!]+))/gy;
  let at = 0;
  while (query.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const found = pattern.exec(query);
    if (!found) throw new Error(`The search cannot be read at: ${query.slice(at).trim()}`);
    at = pattern.lastIndex;
    const quoted = found[2] ?? found[3];
    if (quoted !== undefined) tokens.push({text: quoted.replace(/\\(.)/g, '$1'), isValue: true});
    else tokens.push({text: found[1] ?? found[4], isValue: found[1] === undefined, isWord: found[4] !== undefined});
  }
  return tokens;
}

function comparison(name, operator, values) {
  const field = FIELDS[name];
  if (field.isTruth && values.some((value) => value !== 'true' && value !== 'false'))
    throw new Error(`${name} is true or false`);
  const numbers = field.isNumber ? values.map((value) => (/^-?\d+$/.test(value) ? Number(value) : NaN)) : values;
  if (field.isNumber && numbers.some(Number.isNaN)) throw new Error(`${name} is a number, and '${values.join(', ')}' is not`);
  const test = (field.isNumber ? NUMBER_TESTS : TEXT_TESTS)[operator === 'in' ? '=' : operator];
  if (!test) throw new Error(`${name} cannot be compared by ${operator}`);
  return (i) => field.of(i).some((value) => value !== undefined && numbers.some((other) => test(value, other)));
}

// A function that says whether a call matches. Throws an Error with a text for the reader.
function compileSearch(query) {
  const tokens = tokensOf(query);
  let at = 0;
  const peek = (word) => tokens[at]?.text === word && (tokens[at].isWord || !tokens[at].isValue);
  const take = (word) => peek(word) && ++at > 0;
  const expect = (word) => {
    if (!take(word)) throw new Error(`Here '${word}' is missing: ${tokens.slice(0, at).map((one) => one.text).join(' ')} …`);
  };
  const value = () => {
    if (!tokens[at]?.isValue) throw new Error(`A value is missing at the end of: ${tokens.slice(0, at).map((one) => one.text).join(' ')}`);
    return tokens[at++].text;
  };
  const simple = () => {
    if (take('not')) {
      const operand = simple();
      return (i) => !operand(i);
    }
    if (take('(')) {
      const operand = either();
      expect(')');
      return operand;
    }
    const name = value();
    if (!Object.hasOwn(FIELDS, name)) throw new Error(`There is no field '${name}' to search by. ? lists the fields`);
    const operator = tokens[at++]?.text ?? '';
    if (operator === 'exists') return (i) => FIELDS[name].of(i).some((one) => one !== undefined);
    if (operator !== 'in') {
      if (!Object.hasOwn(TEXT_TESTS, operator) && !Object.hasOwn(NUMBER_TESTS, operator))
        throw new Error(`After ${name}, a comparison is expected, as ${name} = …`);
      return comparison(name, operator, [value()]);
    }
    expect('(');
    const values = [value()];
    while (take(',')) values.push(value());
    expect(')');
    return comparison(name, 'in', values);
  };
  const both = () => {
    let left = simple();
    while (take('and')) {
      const a = left, b = simple();
      left = (i) => a(i) && b(i);
    }
    return left;
  };
  const either = () => {
    let left = both();
    while (take('or')) {
      const a = left, b = both();
      left = (i) => a(i) || b(i);
    }
    return left;
  };
  const test = either();
  if (at < tokens.length) throw new Error(`'${tokens[at].text}' is not expected here. Join comparisons by and, or`);
  return test;
}

// "fd.name = "a b"": as the search reads it.
const quoted = (value) => `"${value.replace(/["\\]/g, '\\$&')}"`;
