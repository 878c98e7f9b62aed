// The page: fills every section from one document, and asks for a newer one where it is served.
const ALL = "";
let data = JSON.parse(byId("data").textContent);
const charts = {};

function times() {
  return Array.from({ length: Math.round((data.end_unix - data.begin_unix) / data.step_s) }, (_, n) => data.begin_unix + n * data.step_s);
}

function tile(name, figure, unit, more) {
  return element("div", {}, element("dt", {}, name), element("dd", { class: "figure" }, figure, unit && figure !== DASH ? element("small", {}, ` ${unit}`) : null), element("dd", { class: "under" }, more));
}

function tiles() {
  const { totals, cost, completeness } = data;
  const split = (text) => { const at = text.lastIndexOf(" "); return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]; };
  const price = cost.usd_per_million;
  const tokens = totals.prompt_tokens + totals.completion_tokens;
  const mean = cost.kwh === null || !cost.metered_share ? null : (cost.kwh * 1000) / (cost.hours * data.nodes.length * cost.metered_share);
  byId("tiles").replaceChildren(
    tile("Requests", count(completeness.covered_minutes || totals.requests ? totals.requests : null), "", totals.requests ? `${share(totals.errors, totals.requests, 2)} failed` : "none counted"),
    tile("Tokens", compact(completeness.covered_minutes || tokens ? tokens : null), "", tokens ? `${compact(totals.completion_tokens)} generated` : "none counted"),
    tile("Latency p95", ...split(milliseconds(totals.p95_ms)), `p50 ${milliseconds(totals.p50_ms)}`),
    tile("Throttled", ...split(percent(totals.throttle_pct)), "of loaded time"),
    tile("Energy", known(cost.kwh, fixed(2)), "kWh", mean === null ? "power was not read" : `${watts(mean)} a node`),
    tile("Per million tokens", price === null ? "n/a" : dollars(price), "", price === null ? (cost.why_not.startsWith("idle") ? "idle" : "no price given") : `${dollars(cost.total_usd)} so far`),
  );
}

function lines(when) {
  const at = times(), base = { times: at, step: data.step_s, when };
  const model = data.models.find((one) => one.name === byId("pick-model").value && byId("pick-model").selectedIndex > 0);
  const node = data.nodes.find((one) => one.name === byId("pick-node").value && byId("pick-node").selectedIndex > 0);
  const work = model || data.totals;
  const nodes = node ? [node] : data.nodes;
  const across = (field, join) => at.map((_, index) => {
    const values = nodes.map((one) => one[field][index]).filter((value) => value !== null);
    return values.length ? join(values) : null;
  });
  const sum = (values) => Math.round(10 * values.reduce((a, b) => a + b, 0)) / 10;
  const main = { colour: "--accent" }, other = { colour: "--second", dash: true };
  charts.latency.show({ ...base, write: milliseconds, axis: (value, top) => (top < 1000 ? `${whole.format(value)} ms` : `${trimmed(value / 1000)} s`), nothing: "No request was answered in this window", series: [
    { ...main, name: "p95", values: work.latency_p95_ms }, { ...other, name: "p50", values: work.latency_p50_ms }] });
  charts.tokens.show({ ...base, write: perSecond, axis: rounded, series: [
    { ...main, name: "generated", values: work.completion_per_s, wash: "--accent-wash" }, { ...other, name: "prompt", values: work.prompt_per_s }] });
  const seen = at.map((_, index) => data.nodes.some((one) => one.covered_pct[index] > 0) || data.totals.request_count[index] > 0);
  charts.requests.show({ ...base, bars: true, write: count, axis: rounded, least: 4, series: [
    { ...main, name: `requests in ${lasted(0, data.step_s)}`, values: work.request_count.map((value, index) => (seen[index] ? value : null)) }] });
  charts.heat.show({ ...base, base: true, write: celsius, axis: (value) => `${whole.format(value)}°`, series: node
    ? [{ ...main, name: node.name, values: node.celsius_max }]
    : [{ ...main, name: "hottest node", values: across("celsius_max", (v) => Math.max(...v)) }, { ...other, name: "coolest node", values: across("celsius_max", (v) => Math.min(...v)) }] });
  charts.throttle.show({ ...base, bars: true, write: seconds, axis: (value, top) => (top < 120 ? `${whole.format(value)} s` : `${trimmed(value / 60)} min`), unit: (top) => (top < 120 ? 1 : 60), least: 4, series: [
    { ...main, name: node ? `${node.name} throttled` : "throttled, all nodes", values: across("throttled_s", sum) }] });
  charts.power.show({ ...base, write: watts, axis: watts, series: [
    { ...main, name: node ? node.name : "all nodes that were read", values: across("power_w", sum), wash: "--accent-wash" }] });
}

function cost() {
  const { cost: it, assumptions } = data;
  const line = (name, value, kind) => element("div", { class: kind }, element("dt", {}, name), element("dd", {}, value));
  const price = it.usd_per_million === null ? "n/a" : dollars(it.usd_per_million);
  const named = (names) => (names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", "));
  byId("cost").replaceChildren(element("div", { class: "card cost" },
    element("dl", {},
      line("Hardware", dollars(it.hardware_usd)), line(it.kwh === null ? "Energy" : `Energy, ${fixed(2)(it.kwh)} kWh`, dollars(it.energy_usd)),
      it.overhead_usd ? line("Overhead", dollars(it.overhead_usd)) : null,
      line("Together", dollars(it.total_usd)), line("Tokens", compact(data.nodes.some((node) => node.last_unix !== null) ? it.tokens : null)), line("Per million tokens", price, "sum")),
    element("div", { class: "method soft" },
      element("p", {}, `Assumed: the nodes' prices (price_usd) are written off evenly over ${assumptions.life_months} months to ${assumptions.residual_pct ? `${trimmed(assumptions.residual_pct)} % of them` : "nothing"}; energy is what was measured, at $${fixed(2)(assumptions.usd_per_kwh)} a kWh. Tokens are prompt and generated ones; cached tokens are part of the prompt.`),
      it.why_not ? element("p", {}, `No price per million: ${it.why_not}.`) : null,
      it.unpriced_nodes.length ? element("p", {}, `Without a price in the inventory, hardware not counted: ${named(it.unpriced_nodes)}.`) : null,
      it.unmetered_nodes.length ? element("p", {}, `Power never read, energy not counted: ${named(it.unmetered_nodes)}.`)
        : it.metered_share !== null && it.metered_share < 0.995 ? element("p", {}, `Power was read in ${percent(100 * it.metered_share)} of the nodes' time; the rest is not counted.`) : null)));
}

function complete(at) {
  const it = data.completeness;
  const losses = [[it.unrecorded_requests, "requests not noted"], [it.corrupt_lines, "lines not readable"], [it.dropped_minutes, "minutes given up"], [it.unreadable_objects, "objects of the store not readable"]].filter(([n]) => n);
  const said = it.covered_pct === null ? "Nothing is expected of this window yet." :
    `${percent(it.covered_pct)} of ${count(it.expected_minutes)} node minutes. ${losses.length ? `Lost and counted: ${losses.map(([n, what]) => `${count(n)} ${what}`).join(", ")}.` : it.covered_pct < 100 ? "The rest was not sampled or has not reached the store." : "Nothing is missing."}`;
  byId("complete").replaceChildren(element("p", { class: "soft lead" }, said), completeTable(data, at));
}

function options(select, names, all, write) {
  const before = select.selectedIndex > 0 ? select.value : null;
  select.replaceChildren(element("option", { value: ALL }, all), ...names.map((name) => element("option", { value: name }, write(name))));
  const index = before === null ? -1 : names.indexOf(before);
  select.selectedIndex = index + 1;
}

function several(fine, all) {
  if (fine < all) return `${fine} of ${all} nodes ${fine === 1 ? "reports" : "report"}`;
  if (!all) return "No nodes";
  return all === 1 ? "The node reports" : `All ${all} nodes report`;
}

function verdict() {
  const fine = data.nodes.filter((node) => !["silent", "no data", "proxy down"].includes(node.state)).length;
  const firing = data.episodes.filter((one) => one.kind === "alert" && one.end_unix === null).length;
  const mark = fine < data.nodes.length || firing ? "bad" : "good";
  byId("verdict").replaceChildren(element("span", { class: `state ${mark}` }, `${several(fine, data.nodes.length)}, ${firing || "no"} ${firing > 1 ? "alerts" : "alert"} firing`));
}

function render() {
  const when = clock(data.timezone), at = times();
  const hours = (data.end_unix - data.begin_unix) / 3600;
  byId("fleet").textContent = data.fleet;
  byId("window").textContent = `${hours % 24 === 0 && hours > 24 ? `${hours / 24} days` : hours === 1 ? "1 hour" : `${Number(hours.toFixed(hours < 10 ? 1 : 0))} hours`} to ${when.both(data.generated_unix)} (${data.timezone})`;
  byId("generated").textContent = `as of ${when.both(data.generated_unix)}`;
  const nothing = !data.nodes.some((node) => node.last_unix !== null);
  byId("empty").hidden = !nothing;
  byId("empty").replaceChildren("No minute of this window is in the store yet. Monitors ship one every minute; ", element("code", {}, "garnet status"), " shows whether they run.");
  options(byId("pick-model"), data.models.map((one) => one.name), "All models", modelName);
  options(byId("pick-node"), data.nodes.map((one) => one.name), "All nodes", (name) => name);
  verdict();
  tiles();
  byId("alerts").replaceChildren(alertsTable(data, when));
  byId("nodes").replaceChildren(nodesTable(data));
  byId("models").replaceChildren(data.models.length ? modelsTable(data) : quiet("The inventory has no model."));
  lines(when);
  cost();
  complete(at);
  byId("log").replaceChildren(logTable(data, when));
  byId("foot").textContent = `Garnet ${data.version}. Percentiles come from merged histograms, within 1.1 %. – is unknown, never 0. No prompt or answer is in these data.`;
}

async function refresh() {
  try {
    const answer = await fetch("data.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const next = await answer.json();
    if (next.schema === data.schema) data = next;
    else return location.reload();
    render();
  } catch (error) {
    byId("generated").textContent = `as of ${clock(data.timezone).both(data.generated_unix)}; no newer data: ${error.message}`;
  }
  return undefined;
}

for (const [id, title] of [["latency", "Latency"], ["tokens", "Tokens per second"], ["requests", "Requests"], ["heat", "Temperature"], ["throttle", "Thermal throttling"], ["power", "Power"]]) {
  charts[id] = new Chart(title, "chart-help");
  byId("grid").append(charts[id].node);
}
render();
for (const id of ["pick-model", "pick-node"]) byId(id).addEventListener("change", () => lines(clock(data.timezone)));
if (data.refresh_s && location.protocol.startsWith("http")) setInterval(refresh, data.refresh_s * 1000);
