"use strict";
// How figures are written. Unknown is a dash, never 0.
const DASH = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const large = new Intl.NumberFormat("en", { notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const known = (value, write) => (value === null || value === undefined ? DASH : write(value));
const fixed = (digits) => (value) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const count = (value) => known(value, (n) => (n < 100000 ? whole.format(n) : large.format(n)));
const compact = (value) => known(value, (n) => (n < 1000 ? small : large).format(n));
const percent = (value, digits = 1) => known(value, (n) => `${fixed(digits)(n)} %`);
const share = (part, all, digits = 1) => (all ? percent((100 * part) / all, digits) : DASH);
const milliseconds = (value) =>
  known(value, (n) => (n < 10 ? `${fixed(1)(n)} ms` : n < 1000 ? `${whole.format(n)} ms` : `${fixed(2)(n / 1000)} s`));
const celsius = (value) => known(value, (n) => `${whole.format(n)} °C`);
const watts = (value) => known(value, (n) => (n < 1000 ? `${whole.format(n)} W` : `${fixed(2)(n / 1000)} kW`));
const seconds = (value) => known(value, (n) => (n < 120 ? `${whole.format(n)} s` : `${fixed(1)(n / 60)} min`));
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const rounded = (value) => brief.format(value);
const trimmed = (value) => String(Number(value.toFixed(2)));
const gigabytes = (value) => known(value, (n) => `${whole.format(n / 2 ** 30)} GB`);
const dollars = (value) => known(value, (n) => `$${fixed(2)(n)}`);
const perSecond = (value) => known(value, (n) => `${n < 10 ? fixed(1)(n) : whole.format(n)} /s`);

function clock(zone) {
  const made = (options) => {
    const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
    return (unix) => format.format(new Date(unix * 1000));
  };
  const minute = made({ hour: "2-digit", minute: "2-digit" });
  const day = made({ weekday: "short", day: "numeric", month: "short" });
  return {
    minute,
    day,
    both: (unix) => `${day(unix)}, ${minute(unix)}`,
    offset: (unix) => {
      const parts = new Intl.DateTimeFormat("en-GB", {
        timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
      }).formatToParts(new Date(unix * 1000));
      const at = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
      return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute) / 1000 - Math.floor(unix / 60) * 60;
    },
  };
}

function ago(from, to) {
  const gone = Math.max(0, to - from);
  if (gone < 90) return `${Math.round(gone)} s ago`;
  if (gone < 5400) return `${Math.round(gone / 60)} min ago`;
  return gone < 172800 ? `${Math.round(gone / 3600)} h ago` : `${Math.round(gone / 86400)} days ago`;
}

function lasted(from, to) {
  const gone = Math.max(0, to - from);
  return gone < 90 ? `${Math.round(gone)} s` : gone < 5400 ? `${Math.round(gone / 60)} min` : `${fixed(1)(gone / 3600)} h`;
}

// Elements: text goes in as text only, so that no name can become markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  return filled(made, attributes, children);
}
function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}
const byId = (id) => document.getElementById(id);
