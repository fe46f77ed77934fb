"use strict";
// What the page does for each task: how an input is read, and how its answer is shown.

// Rows of numbers from pasted text: blanks, commas, semicolons and tabs separate; words are refused.
function rowsOf(text) {
  const rows = text.trim().split(/\n+/).map(row => row.trim().split(/[\s,;]+/).filter(Boolean));
  const numbers = rows.map(row => row.map(cell => /^(nan|null|na|\?)$/i.test(cell) ? null : Number(cell)));
  // A first row of names is a header.
  if (numbers.length > 1 && numbers[0].every(Number.isNaN)) numbers.shift();
  if (numbers.flat().some(Number.isNaN)) throw new Error(say.badNumbers);
  return numbers;
}

// A series: values alone, or lines of a time and values (the first is forecast, others are covariates).
function seriesOf(text) {
  const lines = text.trim().split(/\n+/);
  const split = lines.map(line => line.trim().match(/^"?(\d{4}-\d\d(?:-\d\d)?(?:[T ]\d\d:\d\d(?::\d\d)?)?)"?[\s,;]+(.*)$/));
  const dated = split.filter(Boolean);
  if (dated.length && dated.length >= lines.length - 1) {
    const numbers = rowsOf(dated.map(found => found[2]).join("\n"));
    return withCovariates(numbers, { times: dated.map(found => found[1].replace(" ", "T")) });
  }
  const numbers = rowsOf(text);
  if (numbers.length === 1) return { values: numbers[0] };
  return withCovariates(numbers, {});
}

function withCovariates(numbers, found) {
  found.values = numbers.map(row => row[0]);
  if (numbers[0].length > 1) found.covariates = numbers.map(row => row.slice(1));
  return found;
}

async function predicted(input, turn, options) {
  const begun = performance.now();
  const found = await (await ask(path("predict"), options ? { input, options } : { input }, turn.signal)).json();
  if (!turn.fresh()) return null;
  at("took").textContent = say.took(Math.max(1, Math.round(performance.now() - begun)));
  return found.result;
}

const PLAIN = {
  input: text => JSON.parse(text),
  label: () => say.json,
  async answer(input, turn) {
    const result = await predicted(input, turn);
    if (result) drawResult(at("result"), result, say);
  },
};

const TEXT = {
  input: text => text,
  label: () => say.text,
  async answer(input, turn) {
    const result = await predicted(input, turn);
    if (!result) return;
    drawResult(at("result"), result, say);
    await Promise.all([chosen.explains && explain(input, turn), chosen.streams && grow(input, result, turn)]);
  },
};

const SIGNAL = {
  input: text => rowsOf(text),
  label: () => say.signal,
  files: true,
  async answer(input, turn) {
    const result = await predicted(input, turn);
    if (!result) return;
    drawResult(at("result"), result, say);
    const channels = input[0].map((_, channel) => ({
      values: input.map(row => row[channel] ?? NaN), colour: COLOURS[channel % COLOURS.length], name: `${channel + 1}`,
    }));
    at("result").append(chart({ lines: channels, label: say.signal, height: 200 }));
    if (channels.length > 1) at("result").append(legend(channels.map(line => line.name), COLOURS));
    if (chosen.streams) await grow(input, result, turn);
  },
};

const SERIES = {
  input: seriesOf,
  label: () => say.series,
  files: true,
  tools: ["horizon-label"],
  async answer(input, turn) {
    const horizon = Number(at("horizon").value);
    // Not every model knows times and covariates.
    const known = Object.entries(input).filter(([name]) => name in chosen.takes.properties);
    const result = await predicted(Object.fromEntries(known), turn, horizon ? { horizon } : undefined);
    if (result) drawForecast(at("result"), input, result);
  },
};

function drawForecast(box, input, result) {
  const count = input.values.length, ahead = result.values.length;
  const begin = Math.max(0, count - Math.max(6 * ahead, 60));
  const past = input.values.slice(begin).map(value => value ?? NaN);
  const at0 = count - begin;
  const levels = Object.keys(result.quantiles).map(Number).sort((a, b) => a - b);
  const bands = [{ low: result.lower, high: result.upper, from: at0, opacity: 0.15 }];
  const inner = levels.filter(level => level < 0.5 && level > (1 - result.coverage) / 2 + 0.01).pop();
  const mirror = levels.find(level => Math.abs(level - (1 - inner)) < 1e-6);
  if (inner && mirror) bands.push({ low: result.quantiles[inner], high: result.quantiles[mirror], from: at0, opacity: 0.22 });
  const times = input.times && result.times.length ? [...input.times.slice(begin), ...result.times] : null;
  const places = at("answer").clientWidth < 500 ? [0, 0.5] : [0, 0.33, 0.66];
  const marksX = times && places.map(share => Math.round(share * (times.length - 1)))
    .map(place => [place, times[place].slice(0, 16).replace("T", " ")]);
  const known = past[past.length - 1];
  const lines = [
    { values: past, colour: "var(--ink)", name: say.past },
    { values: [known, ...result.values], from: at0 - 1, colour: "var(--main)", name: say.future },
  ];
  box.replaceChildren(
    make("p", "headline", say.next(short(result.values[0]), short(result.lower[0]), short(result.upper[0]))),
    chart({ lines, bands, marksX, ruler: at0 - 1, label: say.future, height: 300 }),
    legend([say.past, say.future, say.interval(percent(result.coverage))], ["var(--ink)", "var(--main)", "rgba(var(--for), .25)"]),
  );
  const table = make("table", "numbers");
  table.append(rowOf("th", [say.step, say.expected, say.lower, say.upper]));
  result.values.forEach((value, n) => table.append(rowOf("td",
    [result.times.length ? result.times[n].slice(0, 16).replace("T", " ") : `+${n + 1}`, short(value), short(result.lower[n]), short(result.upper[n])])));
  const details = make("details");
  details.append(make("summary", "", say.numbers), table);
  box.append(details);
}

function rowOf(tag, cells) {
  const row = make("tr");
  row.append(...cells.map(cell => make(tag, "", cell)));
  return row;
}

const TRANSLATE = {
  input: text => text,
  label: () => say.text,
  async answer(input, turn) {
    const result = await predicted(input, turn, { n_best: 3 });
    if (!result) return;
    const box = at("result");
    box.replaceChildren(make("div", "headline", result.text || say.nothing));
    const others = (result.alternatives || []).slice(1);
    if (others.length) {
      const list = make("ul", "others");
      list.append(...others.map(one => {
        const item = make("li", "", one.text);
        item.append(make("small", "", ` ${say.score} ${one.score.toFixed(2)}`));
        return item;
      }));
      box.append(make("p", "hint", say.others), list);
    }
    await explain(input, turn);
  },
};

const LANGUAGE = {
  input: text => text,
  label: () => say.opening,
  tools: ["write"],
  writes: true,
  async answer(input, turn) {
    const begun = performance.now();
    const box = at("result");
    for await (const { kind, data } of events(path("stream"), { input, options: { length: 0 } }, turn.signal)) {
      if (!turn.fresh()) return;
      at("took").textContent = say.took(Math.max(1, Math.round(performance.now() - begun)));
      if (kind === "partial") {
        const shares = Object.fromEntries(data.result.next.map(([symbol, share]) => [shownSymbol(symbol), share]));
        box.replaceChildren(make("p", "hint", say.nextSymbol), bars(shares, [shownSymbol(data.result.next[0][0])]));
      } else box.append(make("p", "hint", say.perplexity(data.result.perplexity.toFixed(2), data.result.symbols)));
    }
    if (chosen.explains) await explain(input, turn);
  },
};

function shownSymbol(symbol) {
  return { "\n": "⏎", " ": "␣" }[symbol] ?? symbol;
}

// Goes on with the text, symbol by symbol; a second click stops.
async function write() {
  if (writing) { writing.abort(); return; }
  const input = at("input").value, turn = begin();
  const box = make("div", "continued"), fresh = make("b");
  box.append(make("span", "", input), fresh);
  at("result").replaceChildren(box);
  at("why").hidden = true;
  writing = running;
  at("write").textContent = say.stop;
  const options = { length: Number(at("length").value) || 200, temperature: Number(at("temperature").value), seed: Math.floor(Math.random() * 2 ** 31) };
  try {
    for await (const { data } of events(path("stream"), { input, options }, turn.signal)) {
      if (data.result.delta !== undefined) fresh.append(data.result.delta);
    }
  } catch (error) {
    failed(error);
  } finally {
    writing = null;
    at("write").textContent = say.write;
  }
}

const VIEWS = { classify: TEXT, tag: TEXT, signal: SIGNAL, forecast: SERIES, translate: TRANSLATE, language: LANGUAGE };

function view() {
  if (chosen.task === "transcribe") return SPEECH;
  if (chosen.task === "speak") return SPEAK;
  return VIEWS[chosen.task] || (chosen.takes.type === "string" ? TEXT : PLAIN);
}

async function explain(input, turn) {
  let found;
  // To explain takes longer than to answer: not before the typing pauses.
  await new Promise(resolve => setTimeout(resolve, WAIT));
  if (!turn.fresh()) return;
  try {
    found = (await (await ask(path("explain"), { input }, turn.signal)).json()).explanation;
  } catch (error) {
    if (error.status !== 400 && error.status !== 422) throw error;
    hide("why", "crossing");  // What can be answered need not be explainable: a text of many windows.
    return;
  }
  if (!turn.fresh()) return;
  at("crossing").hidden = !found.alignment || !found.alignment.length;
  if (!at("crossing").hidden) drawCrossing(found);
  at("why").hidden = !found.tokens.length;
  if (at("why").hidden) return;
  at("why-hint").textContent = chosen.task === "language" ? say.whyNext(shownSymbol(found.target)) : say.whyHint;
  drawTokens(at("tokens"), input, found.tokens, found.attribution);
  const check = found.completeness;
  at("complete").textContent = check ? say.complete(check.sum.toFixed(3), check.error.toExponential(1)) : "";
  at("gates").replaceChildren(...found.layers.flatMap(layer =>
    Object.entries(layer.gates).map(([gate, rows]) => {
      const signed = gate === "cell" || gate === "state";
      const most = signed ? Math.max(1e-6, ...rows.flat().map(Math.abs)) : 1;
      return heat(`${say.gates[gate] || gate} · ${layer.name}`, rows, signed ? -most : 0, most);
    })));
}

// The stream of events, as a line of the final answer's share.
async function grow(input, result, turn) {
  const label = result.label ?? (result.labels || [])[0];
  if (label === undefined) { hide("growth"); return; }
  const shares = [];
  for await (const { kind, data } of events(path("stream"), { input }, turn.signal)) {
    if (!turn.fresh()) return;
    if (kind === "partial" || !shares.length) shares.push(data.result.probabilities[label]);
  }
  at("growth").hidden = shares.length < 3;
  at("growth-line").replaceChildren(shareLine(shares, say.growth));
}
