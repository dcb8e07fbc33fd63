// Formats of values, the same as in src/web/pages/format.rs, because a cell that the server rendered is updated here.
// Both pass the cases of tests/fixtures/formats.json.

import { pattern, reason as reasonText, text as textOf, word } from "./labels.js";

/** Shown where nothing was measured. Zero is a measurement. */
export const NONE = "–";
const SMALL_SAMPLE = 5;

const two = (n) => String(n).padStart(2, "0");

/** A running time: `0:07`, `12:40`, `1:02:03`, `3 d 4 h`. Never below zero, however the clocks differ. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600), Math.floor(s / 60) % 60];
  if (days > 0) return pattern("daysHours", { days, hours: hours % 24 });
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** A coarse age. */
export function ago(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return pattern("ago", { time: pattern("seconds", { n: s }) });
  if (s < 86400) return pattern("ago", { time: hoursAndMinutes(Math.floor(s / 60)) });
  return s < 2 * 86400 ? pattern("dayAgo") : pattern("daysAgo", { n: Math.floor(s / 86400) });
}

/** `59 min`, `2 h`, `2 h 5 min`. */
function hoursAndMinutes(all) {
  const [hours, minutes] = [Math.floor(all / 60), all % 60];
  if (hours === 0) return pattern("minutes", { n: minutes });
  return minutes === 0 ? pattern("hours", { n: hours }) : pattern("hoursMinutes", { hours, minutes });
}

/** The difference between a source's clock and ours. */
export function clockOffset(seconds) {
  const s = Math.abs(seconds);
  // It is accurate to a second or two: 19:59 is 20 minutes.
  const time = s < 60 ? pattern("seconds", { n: s }) : hoursAndMinutes(Math.round(s / 60));
  return textOf(seconds < 0 ? "clockBehind" : "clockAhead", { time });
}

const clocks = new Map();

/** The time of day in a zone; `at` in milliseconds. */
export function clock(at, zone) {
  if (!clocks.has(zone)) {
    const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone };
    clocks.set(zone, new Intl.DateTimeFormat("en-GB", parts));
  }
  return clocks.get(zone).format(at);
}

const calendars = new Map();

/** Day, month and year in a zone. */
function date(at, zone) {
  if (!calendars.has(zone))
    calendars.set(
      zone,
      new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "numeric", year: "numeric", timeZone: zone }),
    );
  const parts = calendars.get(zone).formatToParts(at);
  return ["day", "month", "year"].map((type) => Number(parts.find((found) => found.type === type).value));
}

/**
 * Day and time in a zone: `21 Nov 09:41`; of another year than now `21 Nov 2025 09:41`. `at` and `now` in milliseconds.
 */
export function moment(at, zone, now) {
  const [day, month, year] = date(at, zone);
  // The months' names are ours: those of browsers change between versions.
  const isThisYear = year === date(now, zone)[2];
  const time = clock(at, zone).slice(0, 5);
  return pattern(isThisYear ? "moment" : "momentOfYear", { day, month: word("month", month), year, time });
}

/** The start of something current: the time of day, with the day unless that is today. */
export const since = (at, zone, now) =>
  String(date(at, zone)) === String(date(now, zone)) ? clock(at, zone) : moment(at, zone, now);

/** A number: `1,240`, `3.5`. At most one decimal. */
export function number(value) {
  const tenths = Math.round(Math.abs(value) * 10);
  const whole = String(Math.floor(tenths / 10)).replace(/\B(?=(\d{3})+$)/g, ",");
  const text = tenths % 10 > 0 ? `${whole}.${tenths % 10}` : whole;
  return value < 0 && tenths > 0 ? `−${text}` : text;
}

/** A share, as a percentage with at most one decimal. */
export const percent = (value) => pattern("percent", { n: number(value) });

/** A count, or a dash where there is none. */
export const count = (value) => (typeof value === "number" ? number(value) : NONE);

const delivers = (state) => state === "live" || state === "polling";

/**
 * Why a number from one of these sources is unknown. `otherwise` is the reason while one of them delivers. The same as
 * `why` in src/web/pages/known.rs.
 */
export function why(sources, from, hidden, otherwise) {
  if (hidden) return reasonText("hidden");
  const state = (name) => sources?.[name]?.state ?? "off";
  if (from.some((name) => delivers(state(name)))) return reasonText(otherwise);
  // A configured source without connection says more than one that is not configured.
  const name = from.find((name) => state(name) !== "off") ?? from[0];
  const source = word("source", name);
  if (state(name) === "off") return reasonText("notConfigured", { source });
  const said = reasonText(state(name) === "stale" ? "noData" : "unreachable", { source });
  const reason = sources[name].reason;
  return reason ? `${said} ${reason}` : said;
}

/**
 * Whether a missing value counts as 0: a source that would report it delivers data, or it was counted before the source
 * was lost.
 */
export function isCounted(sources, from, value) {
  const states = from.map((name) => sources?.[name]?.state ?? "off");
  return states.some(delivers) || (typeof value === "number" && states.some((state) => state !== "off"));
}

/** The sources of a stat, by the words of its path. */
export function sourcesOf(path) {
  const is = (...names) => names.some((name) => path.split("/").includes(name));
  if (is("open", "openByAge", "overdue", "firstReply", "firstAction", "processed", "onTime")) return ["goodays"];
  return is("responses", "nps") ? ANSWERS : ["agentConnect"];
}

/** The sources of customers' answers, and of everything about calls. */
export const ANSWERS = ["goodays", "agentConnect"];
export const CALLS = ["clarity"];

/** A net promoter score, signed; of a small sample the promoters among the answers. */
export function nps(score) {
  if (!score || score.n === 0) return NONE;
  if (score.n < SMALL_SAMPLE) return pattern("of", { n: score.promoters, all: score.n });
  // From the counts: the document's value is rounded already, and 12.46 is 12, not 12.5 and then 13.
  const exact = ((score.promoters - score.detractors) * 100) / score.n;
  const rounded = Math.sign(exact) * Math.round(Math.abs(exact));
  return rounded > 0 ? `+${rounded}` : number(rounded);
}

/** The number of answers of a score. Empty if the score already shows it. */
export const sample = (score) => (score && score.n >= SMALL_SAMPLE ? pattern("sample", { n: score.n }) : "");

/** Whether a score has too few answers. */
export const isSmall = (score) => Boolean(score && score.n > 0 && score.n < SMALL_SAMPLE);

const signed = (value) => (value > 0 && number(value) !== "0" ? `+${number(value)}` : number(value));

/**
 * An aggregate: its value, its sample size, and a full sentence, as in src/web/pages/stat.rs. `style` is `0` where
 * absent means none, `+` for a difference.
 */
export function stat(value, style = "") {
  if (typeof value === "number") return { text: number(value), note: "", title: "", small: false };
  if (value === null || typeof value !== "object")
    return { text: style === "0" ? "0" : NONE, note: "", title: "", small: false };
  const { n, small = false } = value;
  if (value.promoters !== undefined) {
    return { text: nps(value), note: sample(value), title: textOf("npsCounts", value), small };
  }
  if (value.hit !== undefined) {
    return {
      text: small ? pattern("of", { n: value.hit, all: n }) : percent(value.value),
      note: small ? "" : pattern("sample", { n }),
      title: textOf("ratioInterval", value),
      small,
    };
  }
  if (value.medianSeconds !== undefined) {
    const [median, p90] = [duration(value.medianSeconds), duration(value.p90Seconds)];
    return {
      text: median,
      note: textOf(value.inOpeningHours ? "p90OpeningHours" : "p90", { time: p90 }),
      title: textOf("medianAndP90", { n, median, p90 }),
      small,
    };
  }
  if (value.with !== undefined) {
    const mean = (side) => (side?.value === undefined ? NONE : number(side.value));
    const [own, others] = [value.with, value.without];
    const title = textOf("tagEffect", {
      with: mean(own),
      n: own.n,
      without: mean(others),
      others: others?.n ?? 0,
    });
    return { text: value.lift === undefined ? NONE : signed(value.lift), note: "", title, small: false };
  }
  const text = style === "+" ? signed(value.value) : number(value.value);
  return { text, note: pattern("sample", { n }), title: "", small };
}

/** A metric's or field's name in words: `availableTime` becomes `Available time`. */
export function label(name) {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  const words = spaced.split(/[\s_.-]+/).filter(Boolean);
  const text = words.map((w) => (/^[A-Z0-9]{2,}$/.test(w) ? w : w.replace(/[A-Z]/g, (c) => c.toLowerCase()))).join(" ");
  return text.replace(/^[a-z]/, (c) => c.toUpperCase());
}

/** A metric's number, formatted. */
export const measure = (name, value) => (name.endsWith("Time") ? duration(value / 1000) : number(value));

/** One metric's value. Names that end in `Time` are milliseconds. */
export function metric(name, value) {
  if (typeof value === "number") return measure(name, value);
  if (value === null || typeof value !== "object") return String(value);
  return Object.keys(value)
    .sort()
    .map((part) => `${part} ${metric(part === "count" ? part : name, value[part])}`)
    .join(", ");
}

/** Whether the values of a metric can be added up: those of averages and extremes cannot. */
const isAdditive = (name) => !/average|avg|mean|longest|shortest|max|min|percent/i.test(name);

/** A metric over all modalities: the source's own value across modalities, else the sum, if there is one. */
export function metricTotal(metrics = {}, name) {
  const of = (values = {}) => {
    const key = Object.keys(values).find((k) => k.toLowerCase() === name.toLowerCase());
    const value = key === undefined ? undefined : values[key];
    if (typeof value === "number") return value;
    return [value?.total, value?.count].find((part) => typeof part === "number");
  };
  const across = of(metrics.agnostic);
  if (across !== undefined) return across;
  const all = Object.values(metrics)
    .map(of)
    .filter((value) => value !== undefined);
  if (all.length > 1 && !isAdditive(name)) return undefined;
  return all.length ? all.reduce((a, b) => a + b) : undefined;
}

/** A metric over all kinds of contact, formatted; a dash if it was not measured. */
export function metricCell(metrics, name) {
  const total = metricTotal(metrics, name);
  return total === undefined ? NONE : measure(name, total);
}

/** A metric's label: the site's, else its name in words. */
export const called = (labels, name) => (labels && Object.hasOwn(labels, name) ? labels[name] : label(name));

/** The metrics under one heading, a line each, except those `shown` elsewhere. */
export function bagLines(bag = {}, shown = [], labels = {}) {
  const hidden = new Set(shown.map((name) => name.toLowerCase()));
  const names = Object.keys(bag)
    .sort()
    .filter((name) => !hidden.has(name.toLowerCase()));
  return names.map((name) => `${called(labels, name)}: ${metric(name, bag[name])}`).join("\n");
}

/** Everything without a column of its own, a line each: metrics other than `shown`, then unknown fields. */
export function others(metrics = {}, other = {}, shown = [], labels = {}) {
  const hidden = new Set(shown.map((name) => name.toLowerCase()));
  const lines = [];
  for (const kind of Object.keys(metrics).sort()) {
    for (const name of Object.keys(metrics[kind]).sort()) {
      if (hidden.has(name.toLowerCase())) continue;
      lines.push(`${word("modality", kind)}, ${called(labels, name)}: ${metric(name, metrics[kind][name])}`);
    }
  }
  for (const name of Object.keys(other).sort()) lines.push(`${label(name)}: ${plain(other[name])}`);
  return lines.join("\n");
}

/** Any JSON value as text. */
export function plain(value) {
  if (value === null || value === undefined) return NONE;
  if (typeof value === "boolean") return word("label", value ? "yes" : "no");
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
