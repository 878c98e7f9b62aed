// One chart: lines or bars over the window's steps, with a cursor that all charts share.
const HEIGHT = 190, LEFT = 46, RIGHT = 8, TOP = 10, BOTTOM = 24;
const SPACES = [300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800, 604800];

const shared = {
  at: null,
  charts: [],
  move(index) {
    this.at = index;
    this.charts.forEach((chart) => chart.point());
  },
};

// The step between two rules: 1, 2, 2.5 or 5 times a power of ten, so that two to four reach the top.
function niceStep(highest) {
  if (!(highest > 0)) return 0.5;
  const power = 10 ** Math.floor(Math.log10(highest / 3));
  return [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => highest / n <= 4);
}

function rules(low, high, step) {
  return Array.from({ length: Math.round((high - low) / step) + 1 }, (_, n) => low + step * n);
}

class Chart {
  constructor(title, help) {
    this.plot = element("div", {
      class: "plot", tabindex: 0, role: "slider", "aria-label": title, "aria-orientation": "horizontal", "aria-valuemin": 0,
      "aria-describedby": help,
    });
    this.legend = element("div", { class: "legend" });
    this.readout = element("p", { class: "readout", "aria-hidden": "true" });
    this.rows = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title}, as a table` });
    this.details = element("details", {}, element("summary", {}, "As a table"), this.rows);
    this.node = element("figure", {}, element("figcaption", {}, element("h3", {}, title), this.legend), this.readout, this.plot, this.details);
    this.title = title;
    this.details.addEventListener("toggle", () => this.list());
    this.plot.addEventListener("pointermove", (event) => this.reach(event));
    this.plot.addEventListener("pointerdown", (event) => this.reach(event));
    this.plot.addEventListener("pointerleave", () => document.activeElement !== this.plot && shared.move(null));
    this.plot.addEventListener("keydown", (event) => this.press(event));
    this.plot.addEventListener("focus", () => shared.at === null && this.count && shared.move(this.latest()));
    shared.charts.push(this);
    new ResizeObserver(() => this.spec && this.width !== this.plot.clientWidth && this.draw()).observe(this.plot);
  }

  show(spec) {
    this.spec = spec;
    this.count = spec.times.length;
    this.empty = !spec.series.some((one) => one.values.some((value) => value !== null));
    this.plot.setAttribute("aria-valuemax", Math.max(0, this.count - 1));
    this.legend.replaceChildren(...spec.series.map((one) => {
      const mark = element("i", { class: spec.bars ? "block" : one.dash ? "dash" : "" });
      mark.style.color = mark.style.borderColor = `var(${one.colour})`;
      return element("span", { class: "key" }, mark, one.name);
    }));
    this.draw();
    this.list();
  }

  x(index) { return LEFT + ((index + 0.5) * (this.width - LEFT - RIGHT)) / this.count; }
  y(value) { return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - this.low) / (this.high - this.low)); }

  draw() {
    const spec = this.spec;
    this.width = Math.max(220, this.plot.clientWidth);
    const values = spec.series.flatMap((one) => one.values).filter((value) => value !== null);
    const highest = Math.max(0, ...values);
    const unit = spec.unit ? spec.unit(highest) : 1;
    let step = unit * niceStep(Math.max(highest, spec.least || 0) / unit);
    this.low = 0;
    this.high = Math.max(1, Math.ceil(Math.max(highest, spec.least || 0) / step - 1e-9)) * step;
    if (spec.base && values.length) {
      step = 20;
      this.low = Math.max(0, Math.floor(Math.min(...values) / step) * step);
      this.high = Math.max(this.low + 2 * step, Math.ceil((highest + 1) / step) * step);
    }
    const svg = drawn("svg", { viewBox: `0 0 ${this.width} ${HEIGHT}`, "aria-hidden": "true" });
    const levels = rules(this.low, this.high, step);
    if (this.empty) levels.splice(1);
    for (const level of levels) {
      const y = Math.round(this.y(level)) + 0.5;
      svg.append(drawn("line", { class: "rule", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }));
      if (!this.empty) svg.append(drawn("text", { x: LEFT - 7, y: y + 4, "text-anchor": "end" }, spec.axis(level, this.high)));
    }
    this.drawTimes(svg);
    if (this.empty) {
      svg.append(drawn("text", { x: (LEFT + this.width - RIGHT) / 2, y: HEIGHT / 2 - 4, "text-anchor": "middle" }, spec.nothing || "Nothing was read in this window"));
    } else {
      for (const one of spec.series) spec.bars ? this.drawBars(svg, one) : this.drawLine(svg, one);
    }
    this.marks = drawn("g", {});
    svg.append(this.marks);
    this.plot.replaceChildren(svg);
    this.point();
  }

  drawTimes(svg) {
    const { times, step, when } = this.spec;
    const length = this.count * step;
    const room = Math.max(2, Math.floor((this.width - LEFT - RIGHT) / 74));
    const space = SPACES.find((each) => length / each <= room) || SPACES.at(-1);
    const begin = times[0] + when.offset(times[0]);
    for (let at = Math.ceil(begin / space) * space; at < begin + length; at += space) {
      const unix = at - begin + times[0];
      const x = LEFT + ((unix - times[0]) / length) * (this.width - LEFT - RIGHT);
      if (x < LEFT + 14 || x > this.width - RIGHT - 14) continue;
      svg.append(drawn("line", { class: "rule", x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }));
      const midnight = at % 86400 === 0;
      svg.append(drawn("text", { x, y: HEIGHT - 5, "text-anchor": "middle" }, midnight ? when.day(unix).replace(/^\w+,? /, "") : when.minute(unix)));
    }
  }

  drawLine(svg, one) {
    let run = [];
    const base = this.y(this.low);
    const close = () => {
      if (run.length === 1) {
        const dot = drawn("circle", { cx: run[0][0], cy: run[0][1], r: 2.5 });
        dot.style.fill = `var(${one.colour})`;
        svg.append(dot);
      } else if (run.length) {
        const path = "M" + run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
        if (one.wash) {
          const area = drawn("path", { d: `${path}L${run.at(-1)[0].toFixed(1)} ${base}L${run[0][0].toFixed(1)} ${base}Z` });
          area.style.fill = `var(${one.wash})`;
          svg.append(area);
        }
        const line = drawn("path", { d: path, fill: "none", "stroke-width": 1.75, "stroke-linejoin": "round", "stroke-dasharray": one.dash ? "4 3" : null });
        line.style.stroke = `var(${one.colour})`;
        svg.append(line);
      }
      run = [];
    };
    one.values.forEach((value, index) => (value === null ? close() : run.push([this.x(index), this.y(value)])));
    close();
  }

  drawBars(svg, one) {
    const room = (this.width - LEFT - RIGHT) / this.count;
    const wide = Math.max(1, Math.min(room > 4 ? room - 1.5 : room, 22));
    const base = this.y(0);
    const path = one.values
      .map((value, index) => (value ? `M${(this.x(index) - wide / 2).toFixed(1)} ${base}V${this.y(value).toFixed(1)}h${wide.toFixed(1)}V${base}Z` : ""))
      .join("");
    const bars = drawn("path", { d: path });
    bars.style.fill = `var(${one.colour})`;
    svg.append(bars);
  }

  latest() {
    for (let index = this.count - 1; index >= 0; index--) {
      if (this.spec.series.some((one) => one.values[index] !== null)) return index;
    }
    return this.count - 1;
  }

  reach(event) {
    if (!this.count) return;
    const box = this.plot.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left - LEFT) / (this.width - LEFT - RIGHT)) * this.count);
    shared.move(Math.min(this.count - 1, Math.max(0, index)));
  }

  press(event) {
    const page = Math.max(1, Math.round(this.count / 12));
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") return shared.move(null);
    if (by === undefined || !this.count || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    event.preventDefault();
    const from = shared.at === null ? this.latest() : shared.at;
    return shared.move(Math.min(this.count - 1, Math.max(0, from + by)));
  }

  point() {
    const at = shared.at !== null && shared.at < this.count ? shared.at : null;
    const index = at === null ? this.latest() : at;
    if (!this.spec || !this.count) return;
    const time = this.spec.when.both(this.spec.times[index]);
    const figures = this.spec.series.map((one) => [one.name, this.spec.write(one.values[index])]);
    this.readout.replaceChildren(`${time}`, ...figures.flatMap(([name, value]) => [` · ${name} `, element("b", {}, value)]));
    this.plot.setAttribute("aria-valuenow", index);
    this.plot.setAttribute("aria-valuetext", `${time}, ${figures.map(([name, value]) => `${name} ${value === DASH ? "unknown" : value}`).join(", ")}`);
    this.marks.replaceChildren();
    if (at === null) return;
    const x = this.x(at);
    this.marks.append(drawn("line", { class: "cursor", x1: x, x2: x, y1: TOP - 4, y2: HEIGHT - BOTTOM }));
    if (this.spec.bars) return;
    for (const one of this.spec.series) {
      if (one.values[at] === null) continue;
      const dot = drawn("circle", { cx: x, cy: this.y(one.values[at]), r: 3.5, "stroke-width": 2 });
      dot.style.fill = `var(${one.colour})`;
      dot.style.stroke = "var(--surface)";
      this.marks.append(dot);
    }
  }

  list() {
    if (!this.details.open || !this.spec) return;
    const { times, series, when, write } = this.spec;
    const head = element("tr", {}, element("th", { scope: "col" }, "Time"), series.map((one) => element("th", { scope: "col" }, one.name)));
    const rows = times.map((time, index) => element("tr", {}, element("td", {}, when.both(time)), series.map((one) => element("td", {}, write(one.values[index])))));
    this.rows.replaceChildren(element("table", {}, element("caption", { class: "hidden" }, this.title), element("thead", {}, head), element("tbody", {}, rows.reverse())));
  }
}
