// A chart over time in SVG: lines, or areas one upon the other. Geometry is pure; `Chart` draws it.

const SVG = "http://www.w3.org/2000/svg";
export const BOX = { height: 172, left: 50, right: 8, top: 8, bottom: 24 };
const GAP_SECONDS = 3.5; // nobody has taken the pulse meanwhile: no line leads over that
const LINES = 3; // of the grid, about

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {number} hue
 * @property {number[]} values a row each
 * @property {boolean} [dashed] told from its neighbour without colour
 */

/**
 * Round numbers from zero to what is to be shown.
 * @param {number} most
 * @param {number} least the scale goes so far whatever is shown: small noise stays small
 */
export function scale(most, least) {
  const wanted = Math.max(most, least);
  const rough = wanted / LINES;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999) ?? power;
  const count = Math.ceil(wanted / step - 1e-9);
  return { top: step * count, steps: Array.from({ length: count + 1 }, (_, place) => place * step) };
}

/**
 * Where one value lies upon those before it.
 * @param {Series[]} series
 * @param {boolean} stacked
 * @returns {[number, number][][]} for each series, for each row: from, to
 */
export function layers(series, stacked) {
  const floor = series[0]?.values.map(() => 0) ?? [];
  return series.map(({ values }) => values.map((value, row) => {
    const from = stacked ? floor[row] : 0;
    floor[row] = from + value;
    return [from, from + value];
  }));
}

/**
 * Stretches without a gap, as [first, last] rows.
 * @param {number[]} times
 */
export function stretches(times) {
  /** @type {[number, number][]} */
  const found = [];
  times.forEach((time, row) => {
    if (row && time - times[row - 1] <= GAP_SECONDS) found[found.length - 1][1] = row;
    else found.push([row, row]);
  });
  return found;
}

/**
 * The row nearest to a time.
 * @param {number[]} times
 * @param {number} time
 */
export function nearest(times, time) {
  let best = times.length - 1;
  for (let row = best; row >= 0; row -= 1) {
    if (Math.abs(times[row] - time) <= Math.abs(times[best] - time)) best = row;
    else break;
  }
  return best;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function draw(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text) made.textContent = text;
  return made;
}

/** @param {[number, number][]} points */
const line = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");

export class Chart {
  /**
   * @param {HTMLElement} plot
   * @param {{ stacked?: boolean, least: number, mark?: number, write: (value: number) => string }} kind
   *   mark: a line at which it matters
   */
  constructor(plot, kind) {
    this.plot = plot;
    this.kind = kind;
    this.svg = draw("svg", { "aria-hidden": "true" });
    plot.append(this.svg);
  }

  /**
   * @param {number[]} times of the rows
   * @param {Series[]} series
   * @param {{ from: number, to: number, marks: { at: number, text: string }[] }} axis
   * @param {number | null} cursor a row
   */
  show(times, series, axis, cursor) {
    const width = this.plot.clientWidth;
    if (!width) return;
    const { stacked = false, least, mark, write } = this.kind;
    const heights = layers(series, stacked);
    const { top, steps } = scale(Math.max(0, ...heights.flat().map(([, to]) => to)), least);
    const x = (/** @type {number} */ time) =>
      BOX.left + ((time - axis.from) / (axis.to - axis.from)) * (width - BOX.left - BOX.right);
    const y = (/** @type {number} */ value) =>
      BOX.height - BOX.bottom - (value / top) * (BOX.height - BOX.bottom - BOX.top);
    const parts = [
      ...steps.flatMap((step) => [
        draw("line", { class: step ? "grid" : "ground", x1: BOX.left, x2: width - BOX.right, y1: y(step), y2: y(step) }),
        draw("text", { class: "label", x: BOX.left - 8, y: y(step) + 4, "text-anchor": "end" }, write(step)),
      ]),
      ...axis.marks.map(({ at, text }) =>
        draw("text", { class: "label", x: x(at), y: BOX.height - 6, "text-anchor": "middle" }, text)),
    ];
    if (mark !== undefined && mark <= top) {
      parts.push(draw("line", { class: "mark-line", x1: BOX.left, x2: width - BOX.right, y1: y(mark), y2: y(mark) }));
    }
    // The lowest last: where others are nothing their lines lie upon it, and would hide it.
    [...series.entries()].reverse().forEach(([place, { hue, dashed }]) => {
      for (const [first, last] of stretches(times)) {
        const rows = times.slice(first, last + 1).map((time, row) => ({ at: x(time), span: heights[place][first + row] }));
        const upper = line(rows.map(({ at, span }) => [at, y(span[1])]));
        const lower = line(rows.map(({ at, span }) => /** @type {[number, number]} */ ([at, y(span[0])])).reverse());
        const look = `hue-${hue}${dashed ? " dashed" : ""}`;
        if (stacked || place === 0) parts.push(draw("path", { class: `area ${look}${stacked ? " stacked" : ""}`, d: `M${upper}L${lower}Z` }));
        parts.push(draw("path", { class: `line ${look}`, d: `M${upper}${first === last ? "h.1" : ""}` }));
      }
    });
    if (cursor !== null) {
      const at = x(times[cursor]);
      parts.push(draw("line", { class: "cursor", x1: at, x2: at, y1: BOX.top, y2: BOX.height - BOX.bottom }));
      series.forEach(({ hue }, place) =>
        parts.push(draw("circle", { class: `dot hue-${hue}`, cx: at, cy: y(heights[place][cursor][1]), r: 3.5 })));
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${BOX.height}`);
    this.svg.replaceChildren(...parts);
  }

  /**
   * The time under a pointer.
   * @param {PointerEvent} event
   * @param {{ from: number, to: number }} axis
   */
  timeAt(event, { from, to }) {
    const { left, width } = this.plot.getBoundingClientRect();
    const share = (event.clientX - left - BOX.left) / (width - BOX.left - BOX.right);
    return from + Math.min(1, Math.max(0, share)) * (to - from);
  }
}
