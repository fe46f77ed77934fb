"use strict";
// Charts of numbers: lines with axes, bands, shares over time.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["var(--main)", "#c8553d", "#3f8f5f", "#8b5fbf", "#b8860b", "#3b8ea5", "#a04668", "#5c6670"];

function drawn(tag, attributes, parent, text) {
  const found = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  if (text !== undefined) found.textContent = text;
  if (parent) parent.append(found);
  return found;
}

// Round numbers that an axis is marked with.
function marks(low, high, count) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  const found = [];
  for (let place = Math.ceil(low / step); place * step <= high + 1e-9 * step; place++) found.push(place * step);
  return found;
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(1) : String(+value.toPrecision(4));
}

// lines: [{ values, from, colour, dashed, name }], bands: [{ low, high, from, opacity }].
function chart({ lines, bands = [], height = 260, label, ruler, marksX }) {
  const width = Math.max(260, Math.min(726, at("answer").clientWidth - 32)), left = 52, right = 10, top = 10, bottom = 28;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const all = [...lines.flatMap(line => line.values), ...bands.flatMap(band => [...band.low, ...band.high])]
    .filter(Number.isFinite);
  let low = Math.min(...all), high = Math.max(...all);
  if (low === high) { low -= 1; high += 1; }
  const room = 0.05 * (high - low);
  low -= room; high += room;
  const first = Math.min(...lines.map(line => line.from || 0));
  const last = Math.max(first + 1, ...[...lines].map(line => (line.from || 0) + line.values.length - 1));
  const x = place => left + (place - first) / (last - first) * (width - left - right);
  const y = value => top + (high - value) / (high - low) * (height - top - bottom);
  for (const value of marks(low, high, 5)) {
    drawn("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }, svg);
    drawn("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "mark" }, svg, short(value));
  }
  for (const [place, text] of marksX || marks(first, last, width < 500 ? 4 : 6).map(value => [value, short(value)])) {
    const anchor = marksX && x(place) < left + 50 ? "start" : "middle";
    drawn("text", { x: x(place), y: height - 8, "text-anchor": anchor, class: "mark" }, svg, text);
  }
  for (const band of bands) {
    const upper = band.high.map((value, n) => `${x(band.from + n)},${y(value)}`);
    const lower = band.low.map((value, n) => `${x(band.from + n)},${y(value)}`).reverse();
    drawn("polygon", { points: [...upper, ...lower].join(" "), fill: "var(--main)", opacity: band.opacity }, svg);
  }
  if (ruler !== undefined) drawn("line", { x1: x(ruler), x2: x(ruler), y1: top, y2: height - bottom, class: "ruler" }, svg);
  for (const line of lines) {
    let path = "", open = false;
    line.values.forEach((value, n) => {
      if (!Number.isFinite(value)) { open = false; return; }
      path += `${open ? "L" : "M"}${x((line.from || 0) + n).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
    });
    const shape = drawn("path", { d: path, fill: "none", stroke: line.colour, "stroke-width": 2, "stroke-linejoin": "round" }, svg);
    if (line.dashed) shape.setAttribute("stroke-dasharray", "5 4");
    if (line.name) drawn("title", {}, shape, line.name);
  }
  return svg;
}

// Which line is which.
function legend(names, colours) {
  const box = make("p", "legend");
  names.forEach((name, n) => {
    const sign = make("span", "sign");
    sign.style.background = colours[n % colours.length];
    box.append(sign, make("span", "", name));
  });
  return box;
}

// Shares between 0 and 1 over the input as a line.
function shareLine(values, label) {
  return chart({
    lines: [{ values, colour: "var(--main)" }, { values: values.map(() => 0), colour: "transparent" }, { values: values.map(() => 1), colour: "transparent" }],
    height: 130, label,
  });
}

// A recording: the loudest sample of each of some hundred pieces.
function wave(samples) {
  const width = 680, height = 70, count = 340;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const size = Math.max(1, Math.floor(samples.length / count));
  let path = "";
  for (let place = 0; place < count && place * size < samples.length; place++) {
    let most = 0;
    for (let n = place * size; n < Math.min(samples.length, (place + 1) * size); n++) most = Math.max(most, Math.abs(samples[n]));
    const tall = Math.max(0.5, most * height / 2);
    path += `M${2 * place + 1} ${height / 2 - tall}V${height / 2 + tall}`;
  }
  drawn("path", { d: path, stroke: "var(--main)", "stroke-width": 1.2, fill: "none" }, svg);
  return svg;
}
