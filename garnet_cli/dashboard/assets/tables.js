// The tables. On a narrow screen each row becomes a card whose cells carry their column's name.
const STATES = { serving: "good", idle: "soft open", throttled: "warn", silent: "bad", "proxy down": "bad", "no data": "soft open" };

const SHOWN = 12;
const opened = new Set();

function table(label, columns, rows, kind = "") {
  const box = element("div", { class: `card ${kind}` });
  const fill = () => {
    const all = opened.has(label) || rows.length <= SHOWN + 2;
    box.replaceChildren(grid(label, columns, all ? rows : rows.slice(0, SHOWN)));
    if (all) return;
    const more = element("button", { class: "more", type: "button" }, `Show all ${rows.length}`);
    more.addEventListener("click", () => {
      opened.add(label);
      fill();
      box.querySelectorAll("tbody tr")[SHOWN].focus();
    });
    box.append(more);
  };
  fill();
  return box;
}

// Where not all rows are shown, the first ones are those that ask for attention.
function urgent(rows, urgency) {
  if (rows.length <= SHOWN + 2) return rows;
  return rows.map((row, index) => [urgency(row), index, row]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((each) => each[2]);
}

function grid(label, columns, rows) {
  const head = element("tr", { role: "row" }, columns.map(([name, kind]) => element("th", { scope: "col", role: "columnheader", class: kind }, name)));
  const body = rows.map((cells) =>
    element("tr", { role: "row", tabindex: -1 }, cells.map((cell, index) => {
      const made = cell instanceof Element && cell.tagName === "TD" ? cell : element("td", {}, cell);
      made.setAttribute("role", "cell");
      made.setAttribute("data-label", columns[index][0]);
      if (columns[index][1]) made.classList.add(...columns[index][1].split(" "));
      if (made.textContent === DASH) made.classList.add("none");
      return made;
    })));
  return element("table", { class: "cards", role: "table" },
    element("caption", { class: "hidden" }, label), element("thead", { role: "rowgroup" }, head), element("tbody", { role: "rowgroup" }, body));
}

const under = (main, more) => element("td", {}, main, more ? element("span", { class: "under" }, more) : null);
const origin = (source) => (source ? element("span", { title: source }, source.split(":")[0]) : null);
const state = (name) => element("span", { class: `state ${STATES[name] || "soft"}` }, name);
const quiet = (text) => element("p", { class: "quiet" }, text);
const modelName = (name) => name || "(no model of this fleet)";
const marked = (text, kind) => (kind ? element("span", { class: kind }, text) : text);

function nodesTable(data) {
  const rank = { bad: 0, warn: 1 };
  const nodes = urgent(data.nodes, (node) => Math.min(rank[STATES[node.state]] ?? 3, node.throttle_pct > 3 ? 2 : 3));
  const rows = nodes.map((node) => {
    const hot = node.throttle_pct > 5 ? "is-bad" : node.throttle_pct > 3 ? "is-warn" : "";
    const tight = { warn: "is-warn", critical: "is-bad" }[node.pressure] || "";
    const memory = node.memory_used_bytes === null ? DASH : `${whole.format(node.memory_used_bytes / 2 ** 30)} of ${gigabytes(node.memory_total_bytes)}`;
    return [
      under(node.name, node.models.length > 3 ? `${node.models.length} models` : node.models.map(modelName).join(", ")),
      under(state(node.state), node.last_unix === null ? "" : `${ago(node.last_unix + 60, data.generated_unix)}`),
      under(celsius(node.celsius), origin(node.celsius_source)),
      known(node.fan_rpm, (rpm) => `${whole.format(rpm)} rpm`),
      element("td", {}, marked(percent(node.throttle_pct), hot)),
      under(watts(node.watts), origin(node.watts_source)),
      under(marked(memory, tight), node.swap_used_bytes > 0 ? `${gigabytes(node.swap_used_bytes)} swapped` : ""),
      gigabytes(node.disk_free_bytes),
      count(node.last_unix === null ? null : node.requests),
      compact(node.last_unix === null ? null : node.tokens),
    ];
  });
  return table("Nodes", [["Node"], ["State", "text"], ["Temperature"], ["Fan"], ["Throttled"], ["Power"], ["Memory"], ["Disk free"], ["Requests"], ["Tokens"]], rows);
}

function codes(counts) {
  const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (sorted.length < 2) return sorted.map(([code]) => code).join("");
  return `${sorted.slice(0, 2).map(([code, n]) => `${n} ${code}`).join(", ")}${sorted.length > 2 ? " …" : ""}`;
}

function modelsTable(data) {
  const told = data.nodes.some((node) => node.last_unix !== null);
  const counted = (value, write) => write(told ? value : null);
  const rows = urgent(data.models, (model) => -model.requests).map((model) => [
    under(modelName(model.name), model.nodes.length ? `on ${model.nodes.length === 1 ? model.nodes[0] : `${model.nodes.length} nodes`}` : ""),
    counted(model.requests, count),
    under(marked(counted(model.errors, count), model.errors && model.errors / model.requests > 0.01 ? "is-bad" : ""),
      codes(model.error_codes)),
    counted(model.prompt_tokens, compact),
    counted(model.completion_tokens, compact),
    milliseconds(model.p50_ms),
    milliseconds(model.p95_ms),
    milliseconds(model.first_token_p95_ms),
    percent(model.hit_rate === null ? null : 100 * model.hit_rate, 0),
    count(model.queued_max),
  ]);
  return table("Models", [["Model"], ["Requests"], ["Errors"], ["Prompt"], ["Generated"], ["p50"], ["p95"], ["First token p95"], ["Cache hits"], ["Queue max"]], rows);
}

function alertsTable(data, when) {
  if (!data.episodes.length) return quiet("Nothing was raised in this window.");
  const rows = data.episodes.map((one) => [
    under(one.kind === "incident" ? `incident ${one.subject}` : one.subject, one.summary),
    element("span", { class: `state ${one.end_unix === null ? "bad" : "soft open"}` }, one.end_unix !== null ? "over" : one.kind === "incident" ? "open" : "firing"),
    element("td", {}, [one.node, modelName(one.about || one.node)].filter((each, index, all) => all.indexOf(each) === index).join(" · ")),
    when.both(one.begin_unix),
    lasted(one.begin_unix, one.end_unix === null ? data.generated_unix : one.end_unix),
  ]);
  return table("Alerts and incidents", [["What", "wide"], ["State", "text"], ["Where", "text wrap"], ["Since"], ["For"]], rows, "pairs");
}

function logTable(data, when) {
  if (!data.log.length) return quiet("No swap, deploy or restart in this window.");
  return table("Changes and restarts", [["What", "wide"], ["Where", "text wrap"], ["Who", "text wrap"], ["When"]],
    data.log.map((one) => [under(one.action.startsWith(one.kind) ? one.action : `${one.kind} ${one.action}`, one.subject), one.node, one.who || DASH, when.both(one.time_unix)]), "pairs");
}

function strip(node, times) {
  const svg = drawn("svg", { class: "strip", viewBox: `0 0 ${Math.max(1, times.length)} 1`, preserveAspectRatio: "none", role: "img", "aria-label": `${node.name}: ${percent(node.coverage_pct)} covered` });
  const bands = { "--second": "", "--warn": "", "--second-wash": "" };
  node.covered_pct.forEach((value, index) => {
    if (value !== null) bands[value >= 95 ? "--second" : value > 0 ? "--warn" : "--second-wash"] += `M${index} 0h1v1h-1Z`;
  });
  for (const [colour, d] of Object.entries(bands)) {
    const path = drawn("path", { d, "shape-rendering": "crispEdges" });
    path.style.fill = `var(${colour})`;
    svg.append(path);
  }
  return element("td", { class: "strip-cell" }, svg);
}

function completeTable(data, times) {
  return table("Completeness by node", [["Node"], ["Window", "text"], ["Covered"]],
    urgent(data.nodes, (node) => node.coverage_pct).map((node) => [node.name, strip(node, times), percent(node.coverage_pct)]));
}
