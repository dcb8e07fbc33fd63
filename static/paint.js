// What each kind of cell shows. A formatter is pure: from the value at the node's path, its argument and the document
// to `{ text, sort, ...attributes }`. Without `text` the node's content is unchanged; an attribute of null or false
// is removed. The server renders the same from the same document (src/web/pages/), so rendering twice changes nothing.

import {
  ago,
  ANSWERS,
  bagLines,
  CALLS,
  clockOffset,
  count,
  duration,
  stat,
  isCounted,
  isSmall,
  label,
  measure,
  metricCell,
  metricTotal,
  moment,
  NONE,
  nps,
  number,
  others,
  percent,
  plain,
  sample,
  since as sinceText,
  sourcesOf,
  why,
} from "./format.js";
import { at } from "./patch.js";
import { ACTIVITIES, pattern, promoter, reason, SURVEYS, text as textOf, word } from "./labels.js";

/** How many of a list are on a page. */
const PAGE = 100;
const AGENT_COLUMNS = ["answeredCount", "ronaCount"];
const QUEUE_COLUMNS = ["queuedCount", "answeredCount", "abandonedCount"];

const timer = (since, { now }, write = duration) => {
  const began = Date.parse(since);
  if (Number.isNaN(began)) return { text: NONE, sort: "", datetime: null };
  return { text: write((now - began) / 1000), sort: -began, datetime: since };
};

const values = (map) => Object.values(map ?? {});
const byBegin = (sessions) => {
  const began = ([, session]) => Date.parse(session.since ?? "") || Infinity;
  return Object.entries(sessions ?? {}).sort((a, b) => began(a) - began(b) || Number(a[0]) - Number(b[0]));
};
const queueName = (id, { doc }) =>
  id === undefined
    ? undefined
    : (doc.queues?.[id]?.name ??
      (word("specialQueue", id) === String(id) ? textOf("queueNumber", { id }) : word("specialQueue", id)));
const place = (session, at) =>
  [queueName(session.queue, at), word("modality", session.modality)].filter(Boolean).join(", ");
const agentName = (id, { doc }) => doc.agents?.[id]?.name ?? textOf("agentNumber", { id });
const teamName = (id, { doc }) =>
  id === undefined ? textOf("noTeam") : (doc.teams?.[id]?.name ?? textOf("teamNumber", { id }));
/** The position in the order of activities; an unknown activity is last. */
const rank = (activity) => (ACTIVITIES.includes(activity) ? ACTIVITIES.indexOf(activity) : "");
const possible = (candidates) => {
  const n = values(candidates).length;
  return textOf(n === 0 ? "anotherCall" : n === 1 ? "oneCandidate" : "candidates", { n });
};

/** A name, shortened to leave room for the message. */
const short = (name) => ([...name].length > 40 ? `${[...name].slice(0, 40).join("")}…` : name);

/** A thread's newest message; preceded by the author unless that is the customer. */
const excerpt = (item) => {
  const texts = Object.entries(item?.messages ?? {}).filter(([, m]) => m.text);
  texts.sort(([a, x], [b, y]) => (Date.parse(x.at) || 0) - (Date.parse(y.at) || 0) || (a < b ? -1 : 1));
  const newest = texts.at(-1)?.[1];
  const text = [...(newest?.from ? `${short(newest.from)}: ${newest.text}` : (newest?.text ?? ""))];
  // Not in the middle of a word.
  return text.length > 140
    ? `${text
        .slice(0, 140)
        .join("")
        .replace(/\s\S*$/, "")
        .trimEnd()}…`
    : text.join("");
};

/** A cell with a title that says why it is a dash. `because` is the reason while the source is live. */
const known = (cell, { doc }, because, from = CALLS, hidden = false) => ({
  ...cell,
  title: cell.title ?? (cell.text === NONE ? why(doc.sources, from, hidden, because) : null),
});

/** Why a queue's metric is unknown while Clarity is live. `metrics`: those that are requested. */
const noMetric = (name, { metrics }, values = {}) => {
  const isReported = Object.values(values ?? {}).some((group) =>
    Object.keys(group).some((known) => known.toLowerCase() === name.toLowerCase()),
  );
  if (isReported) return "noSum";
  const isRequested = !metrics || metrics.some((one) => one.toLowerCase() === name.toLowerCase());
  return isRequested ? "notOffered" : "notRequested";
};

/** Whether there is something at a path below an entity that this viewer does not see. */
const isHidden = ({ doc, path }, what = "feedback") => {
  const [section, id] = path.split("/");
  return Boolean(at(doc, `${section}/${id}/hidden`)?.[what]);
};
const answered = (cell, where, hidden = isHidden(where)) => known(cell, where, "noResponses", ANSWERS, hidden);
const staffOf = (doc, of) => doc.counts?.[of]?.staff;

/** A longest wait. Without waiting callers there is none. */
const longest = (value, where) => {
  const cell = timer(value?.longestWaitSince, where);
  return cell.text === NONE && value?.waiting === 0 ? { ...cell, title: reason("noneWaiting") } : cell;
};

/** One of a queue's counts of agents: ours, else Clarity's own. */
const ofStaff = (queue, id, name, own, where) => {
  const staff = staffOf(where.doc, `queue:${id}`);
  if (staff) return { text: count(staff[name]), title: null };
  if (queue?.[own] !== undefined) return { text: count(queue[own]), title: reason("clarityCount") };
  return known({ text: NONE }, where, queue?.teams ? "notReported" : "noTeams", CALLS, Boolean(queue?.hidden?.staff));
};

/** One number of a queue on a wallboard. */
function queueTile(queue, name, id, where) {
  const hidden = Boolean(queue?.hidden?.feedback);
  if (name === "queuedCount") return known({ text: count(queue?.waiting) }, where, "notReported");
  if (name === "longestWait") return known(longest(queue, where), where, "notReported");
  if (name === "agentsAvailable") return ofStaff(queue, id, "available", "agentsAvailable", where);
  if (name === "agentsOnline") return ofStaff(queue, id, "loggedIn", "agentsOnline", where);
  if (name === "csatToday") return answered({ text: stat(queue?.feedback?.csat).text }, where, hidden);
  if (name === "npsToday") return answered({ text: nps(queue?.feedback?.nps) }, where, hidden);
  if (name === "serviceLevel") return notComputed();
  return known({ text: metricCell(queue?.metrics, name) }, where, noMetric(name, where, queue?.metrics));
}

const notComputed = () => ({ text: NONE, title: reason("notComputed") });

/** One number of all queues of a wallboard together, from the document's `counts`. */
function boardTile(counts, name, where) {
  const hidden = counts?.hidden ?? {};
  if (name === "queuedCount")
    return known({ text: count(counts?.waiting) }, where, "notReported", CALLS, hidden.waiting);
  if (name === "longestWait")
    return known(longest(counts, where), where, "notReported", CALLS, hidden.longestWaitSince);
  if (name === "agentsAvailable")
    return known({ text: count(counts?.staff?.available) }, where, "noTeams", CALLS, hidden.staff);
  if (name === "agentsOnline")
    return known({ text: count(counts?.staff?.loggedIn) }, where, "noTeams", CALLS, hidden.staff);
  if (name === "csatToday") return answered({ text: stat(counts?.csat).text }, where, hidden.csat);
  if (name === "npsToday") return answered({ text: nps(counts?.nps) }, where, hidden.nps);
  if (name === "serviceLevel") return notComputed();
  const key = Object.keys(counts?.metrics ?? {}).find((key) => key.toLowerCase() === name.toLowerCase());
  const text = key === undefined ? NONE : measure(name, counts.metrics[key]);
  return known({ text }, where, name.toLowerCase().endsWith("count") ? noMetric(name, where) : "noSum");
}

/** `1 agent`, `7 agents`. */
export const agents = (n) => textOf(n === 1 ? "oneAgent" : "agents", { n });

/** The question before an action on a response. */
function actionQuestion(kind, customer = textOf("theCustomer")) {
  const questions = { reply: "askReply", message: "askMessage", call: "askCall", close: "askClose", spam: "askSpam" };
  return Object.hasOwn(questions, kind) ? textOf(questions[kind], { customer }) : "";
}

/** On a wall, text longer than `12:34` has smaller letters. */
export const isLong = (text) => [...text].length > 5;
const fitting = (cell) => ({ ...cell, "data-long": isLong(cell.text) ? "" : null });

export const formatters = {
  text: (value) => ({ text: value === undefined ? NONE : plain(value), sort: value === undefined ? "" : plain(value) }),
  optional: (value) => ({ text: value === undefined ? "" : plain(value) }),
  count: (value) => ({ text: count(value), sort: value ?? "" }),
  waiting: (value, arg, where) =>
    known({ text: count(value), sort: value ?? "", "data-some": value > 0 ? "" : null }, where, "notReported"),
  since: (value, arg, where) => {
    const queue = where.path.startsWith("queues/") ? where.doc.queues?.[where.path.split("/")[1]] : undefined;
    return known(queue ? longest(queue, where) : timer(value, where), where, "notReported");
  },
  ago: (value, arg, at) => ({ ...timer(value, at, ago), "data-coarse": "" }),
  metric: (value, arg, where) => {
    const because = where.path.startsWith("queues/") ? noMetric(arg, where, value) : "notOffered";
    return known({ text: metricCell(value, arg), sort: metricTotal(value, arg) ?? "" }, where, because);
  },
  nps: (value, arg, where) =>
    answered(
      { text: nps(value?.nps), sort: value?.nps ? value.nps.value : "", "data-small": isSmall(value?.nps) ? "" : null },
      where,
    ),
  sample: (value) => ({ text: sample(value?.nps) }),
  stat: (value, arg, where) => {
    const { text, title, small } = stat(value, arg);
    const from = sourcesOf(where.path);
    const hidden = isHidden(where, where.path.endsWith("/effect") ? "effect" : "feedback");
    // A missing value counts as 0 only while a source that would report it is live.
    const isNone =
      arg === "0" &&
      (typeof value !== "number" || value === 0) &&
      (hidden || !isCounted(where.doc.sources, from, value));
    const cell = { text: isNone ? NONE : text, title: title || null, "data-small": small ? "" : null };
    return title ? cell : known(cell, where, "noResponses", from, hidden);
  },
  statNote: (value) => ({ text: stat(value).note }),
  month: (value, arg, { zone, now }) => ({
    text: value?.since ? textOf("last30DaysSince", { time: moment(Date.parse(value.since), zone, now) }) : "",
  }),
  coverage: (value, arg, { zone, now }) => {
    if (!value) return { text: "" };
    const reasons = Object.keys(value.reasons ?? {})
      .sort()
      .map((name) => `${label(name).toLowerCase()}: ${value.reasons[name]}`);
    const time = value.since ? moment(Date.parse(value.since), zone, now) : "";
    const rest = reasons.length > 0 ? `. ${textOf("skipped", { reasons: reasons.join(" · ") })}` : "";
    return { text: textOf("coverage", { hit: value.hit, n: value.n, time }) + rest };
  },
  openItems: (value) => ({ text: value?.open > 0 ? textOf("openItems", { n: value.open }) : "" }),

  // The frame.
  trust: (value) => ({
    "data-clarity": value?.clarity?.state ?? "off",
    "data-goodays": value?.goodays?.state ?? "off",
    "data-agentconnect": value?.agentConnect?.state ?? "off",
  }),
  chip: (value) => ({ "data-state": value?.state ?? "off", title: value?.reason ?? null }),
  nextTry: (value, arg, { zone }) => ({
    text: value ? textOf("nextTry", { time: clock(Date.parse(value), zone) }) : "",
  }),
  chipWord: (value) => ({ text: value?.state ?? "off" }),
  notice: (value, arg, { zone, now }) => {
    const state = value?.state ?? "off";
    if (state !== "stale" && state !== "down") return { text: "", hidden: "" };
    const began = value.lastData ?? value.since;
    const since = began ? textOf("sinceTime", { time: sinceText(Date.parse(began), zone, now) }) : "";
    const said = textOf(state === "stale" ? "sourceStale" : "sourceDown", { source: word("source", arg), since });
    return { text: value.reason ? `${said} ${value.reason}` : said, hidden: null };
  },

  // Tiles of the supervisor.
  totalWaiting: (value, arg, where) => boardTile(value, "queuedCount", where),
  totalLongest: (value, arg, where) => boardTile(value, "longestWait", where),
  totalLongestQueue: (value, arg, where) => {
    if (value?.longestWaitQueue !== undefined)
      return { text: textOf("inQueue", { queue: queueName(value.longestWaitQueue, where) }) };
    return { text: textOf(value?.waiting === 0 ? "noneWaiting" : "notKnown") };
  },
  activityCount: (value, arg, where) => known({ text: count(value?.[arg]) }, where, "notReported"),
  loggedIn: (value) => ({ text: textOf("ofLoggedIn", { n: count(value?.loggedIn) }) }),
  awayCount: (value) => ({ text: textOf("andAway", { n: count(value?.away) }) }),
  // It is a sum over teams, which Clarity reports.
  openFeedback: (value, arg, where) => {
    const from = isCounted(where.doc.sources, ["goodays"]) ? CALLS : ["goodays"];
    return known({ text: count(value?.openFeedback) }, where, "notReported", from, value?.hidden?.openFeedback);
  },

  // Queues.
  queueOpen: (value) => ({
    text: value === undefined ? "" : word("label", value ? "openState" : "closedState"),
    "data-open": value === undefined ? null : String(value),
  }),
  staff: (value, id, where) => {
    const [available, online] = [
      ofStaff(value, id, "available", "agentsAvailable", where),
      ofStaff(value, id, "loggedIn", "agentsOnline", where),
    ];
    const sort = staffOf(where.doc, `queue:${id}`)?.available ?? value?.agentsAvailable ?? "";
    return {
      text: available.text === NONE ? NONE : pattern("of", { n: available.text, all: online.text }),
      title: available.title,
      sort,
    };
  },
  queueMore: (value, arg, { doc, zone, now, path }) => {
    const lines = byBegin(value?.sessions).map(([, s], i) => {
      const since = s.since ? textOf("sinceSuffix", { time: sinceText(Date.parse(s.since), zone, now) }) : "";
      const customer = s.customer ?? word("label", "customer");
      return textOf("waitingCustomer", { place: i + 1, customer, modality: word("modality", s.modality) }) + since;
    });
    const id = path.split("/")[1];
    if (value?.agentsAvailable !== undefined && staffOf(doc, `queue:${id}`)) {
      const [available, loggedIn] = [count(value.agentsAvailable), count(value.agentsOnline)];
      lines.push(textOf("clarityCounts", { available, loggedIn }));
    }
    if (value?.estimatedWaitSeconds !== undefined)
      lines.push(textOf("estimatedWait", { time: duration(value.estimatedWaitSeconds) }));
    if (value?.callsToday !== undefined) lines.push(textOf("callsToday", { n: count(value.callsToday) }));
    return {
      text: [...lines, others(value?.metrics, value?.other, QUEUE_COLUMNS, doc.labels)].filter(Boolean).join("\n"),
    };
  },

  // Agents.
  status: (value) => ({
    text: word("status", value?.status),
    sort: rank(value?.activity || "unknown"),
    "data-activity": value?.activity || "unknown",
  }),
  reason: (value) => ({
    text: [
      value?.suspended ? textOf("suspended") : "",
      value?.reason ?? "",
      value?.contradictingStatus ? textOf("alsoReported", { status: word("status", value.contradictingStatus) }) : "",
    ]
      .filter(Boolean)
      .join(", "),
  }),
  team: (value, arg, at) => ({
    text: teamName(value?.team, at),
    sort: value?.team === undefined ? "" : teamName(value.team, at),
  }),
  contact: (value, arg, at) => {
    const all = byBegin(value?.sessions);
    if (!all.length) return { text: "", sort: "" };
    const [, first] = all[0];
    const text =
      all.length > 1 ? textOf("moreContacts", { place: place(first, at), n: all.length - 1 }) : place(first, at);
    return { text, sort: text };
  },
  contactSince: (value, arg, at) => {
    const since = byBegin(value?.sessions)[0]?.[1].since;
    return since ? timer(since, at) : { text: "", datetime: null };
  },
  gone: (value, arg) => ({ hidden: value?.[arg] ? "" : null }),
  occupancy: (value, arg, where) => known({ text: value ? percent(value.value) : NONE }, where, "notReported"),
  place: (value, arg, at) => ({ text: place(value ?? {}, at) }),
  contactStatus: (value) => ({ text: word("contact", value) }),
  sessionNumber: (value, arg) => ({ text: textOf("sessionNumber", { id: arg }) }),
  recording: (value) => ({ text: value === true ? textOf("beingRecorded") : "" }),
  kindOf: (value, arg) => ({ text: word("modality", arg) }),
  bagMetric: (value, arg, where) => known({ text: metricCell({ it: value }, arg) }, where, "notOffered"),
  bagLines: (value, arg, { doc }) => ({ text: bagLines(value, AGENT_COLUMNS, doc.labels) }),
  metricLines: (value, arg, { doc }) => ({ text: others(value, {}, AGENT_COLUMNS, doc.labels) }),
  otherLines: (value, arg, { doc }) => ({ text: others({}, value?.other, [], doc.labels) }),
  queueNamed: (value, arg, at) => ({ text: value ?? queueName(arg, at) }),
  began: (value, arg, { zone, now }) => ({ text: moment(Date.parse(arg), zone, now) }),
  took: (value, arg, at) => {
    if (value?.until === undefined) return timer(arg, at);
    return { text: duration((Date.parse(value.until) - Date.parse(arg)) / 1000), datetime: null };
  },
  spent: (value) => {
    const seconds = Object.fromEntries(ACTIVITIES.map((name) => [name, 0]));
    for (const [began, { activity, until }] of Object.entries(value ?? {})) {
      if (until !== undefined) seconds[activity || "unknown"] += (Date.parse(until) - Date.parse(began)) / 1000;
    }
    const lines = ACTIVITIES.filter((name) => seconds[name] >= 1).map(
      (name) => `${word("activity", name)} ${duration(seconds[name])}`,
    );
    return { text: lines.join(" · ") };
  },
  agentMore: (value, arg, { doc }) => ({ text: others(value?.metrics, value?.other, AGENT_COLUMNS, doc.labels) }),
  teamSummary: (value) => {
    const staff = value?.staff;
    if (!staff) return { text: "" };
    const states = ["available", "inContact", "away"].map(
      (name) => `${staff[name]} ${word("activity", name).toLowerCase()}`,
    );
    return { text: textOf("summary", { agents: agents(staff.agents), states: states.join(", ") }) };
  },

  // Feedback.
  thread: (value) => ({ text: word("thread", value), "data-thread": value ?? "" }),
  score: (value) => ({
    text: value === undefined ? NONE : String(value),
    "data-score": value === undefined ? null : promoter(value),
  }),
  scoreWord: (value) => ({ text: value === undefined ? textOf("noScore") : promoter(value) }),
  excerpt: (value) => ({ text: excerpt(value) || textOf("noComment") }),
  responder: (value, arg, at) => {
    const id = value?.attribution?.agent ?? value?.agent;
    if (id === undefined) return { text: "", "data-activity": null, href: null };
    const agent = at.doc.agents?.[id];
    const status = agent?.suspended ? textOf("suspendedNow") : word("status", agent?.status).toLowerCase();
    const name = agentName(id, at);
    const text = agent ? textOf("statusNow", { agent: name, status }) : name;
    return { text, "data-activity": agent?.activity ?? null, href: `/agents/${id}` };
  },
  attribution: (value) => ({
    text: `${word("rule", value?.rule)}${value?.evidence ? `: ${value.evidence}` : ""}`,
    "data-linked": value?.confidence ? "" : null,
  }),
  confidence: (value) => ({ text: word("confidence", value) }),
  assumed: (value) => ({ text: word("assumed", value) }),
  possible: (value) => ({ text: possible(value) }),
  writer: (value, arg, { doc }) => ({ text: value ?? doc.feedback?.[arg]?.customer ?? textOf("aCustomer") }),
  moment: (value, arg, { zone, now }) => ({
    text: value === undefined ? "" : moment(Date.parse(value), zone, now),
    datetime: value ?? null,
  }),
  attachment: (value) => ({ href: value ?? null, hidden: value === undefined ? "" : null }),
  none: (value) => ({ hidden: values(value).length > 0 ? "" : null }),
  some: (value) => ({ hidden: values(value).length > 0 ? null : "" }),
  offered: (value) => {
    const names = Object.keys(value ?? {})
      .sort()
      .map((name) => label(name).toLowerCase());
    return { text: names.length > 0 ? textOf("offeredActions", { actions: names.join(", ") }) : textOf("noActions") };
  },
  wroteAgain: (value) => ({ text: value?.needsReply && value.state === "closed" ? textOf("wroteAgain") : "" }),
  action: (value) => ({ text: word("action", value) }),
  actionStateLabel: (value) => ({ text: word("actionState", value), "data-survey": value ?? "" }),
  actionState: (value) => ({ "data-action-state": value ?? "" }),
  offer: (value, arg, { doc }) => {
    const [kind, id] = [arg.slice(0, arg.indexOf(":")), arg.slice(arg.indexOf(":") + 1)];
    const isMark = kind === "no-answer-needed";
    const isOffered = isMark ? value?.message && !value.close && doc.feedback?.[id]?.needsReply : value?.[kind];
    const delivers = (doc.sources?.goodays?.state ?? "live") !== "off";
    return { "data-offered": isOffered && delivers ? "" : null };
  },
  // Confirmation questions before an action reaches a customer or a live call, as in src/web/pages/answering.rs and
  // surveys.rs.
  actionQuestion: (value, arg) => ({ value: actionQuestion(arg, value) }),
  actionRetryQuestion: (value, arg, { doc }) => ({
    value: textOf("askRetryAction", {
      customer: doc.feedback?.[arg]?.customer ?? textOf("theCustomer"),
      action: word("action", value).toLowerCase(),
    }),
  }),
  retryQuestion: (value) => ({ value: textOf("askRetrySurvey", { customer: value ?? textOf("theCustomer") }) }),
  recoverQuestion: (value) => ({ value: textOf("askRecover", { customer: value ?? textOf("theCustomer") }) }),
  namedQuestion: (value, arg) => ({ "data-ask": textOf(arg, { agent: value ?? textOf("thisAgent") }) }),
  redo: (value, arg, at, node) => ({
    hidden: value || node?.querySelector("[data-answer]:not(:empty)") ? null : "",
    "data-offered": value ? "" : null,
  }),
  labelled: (value) => ({ text: value === undefined ? "" : label(value) }),
  number: (value) => ({ text: value === undefined ? "" : String(value) }),
  queueName: (value, arg, at) => ({ text: queueName(value, at) ?? "" }),
  teamName: (value, arg, at) => ({ text: value === undefined ? "" : teamName(value, at) }),
  alert: (value) => ({ text: value ? textOf("alert") : "" }),

  // Status.
  state: (value) => ({ text: value ?? "off", "data-state": value ?? "off" }),
  disk: (value) => ({
    text: word("disk", value),
    "data-state": value ?? "",
  }),
  transport: (value) => ({ text: value === undefined ? NONE : word("transport", value) }),
  notPermitted: (value) => {
    const names = Object.values(value ?? {}).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    if (!names.length) return { text: "" };
    const values = { n: names.length, names: names.join(", ") };
    return { text: textOf(names.length === 1 ? "notPermittedOne" : "notPermitted", values) };
  },
  clockOffset: (value) => ({ text: value === undefined ? "" : clockOffset(value) }),
  counters: (value, arg, where) => {
    if (isHidden(where, "counters")) return known({ text: NONE }, where, "", CALLS, true);
    return {
      text: Object.keys(value ?? {})
        .sort()
        .map((name) => `${label(name)}: ${count(value[name])}`)
        .join("\n"),
      title: null,
    };
  },

  // Surveys.
  survey: (value) => ({ text: word("survey", value), "data-survey": value ?? "" }),
  origin: (value) => ({ text: word("origin", value) }),
  stars: (value) => ({ text: value === undefined ? "" : textOf("stars", { n: value }) }),
  npsScore: (value) => ({ text: value === undefined ? "" : textOf("npsScore", { n: value }) }),
  shown: (value) => ({ hidden: value ? null : "" }),
  skipReasons: (value) => {
    const reasons = Object.keys(value ?? {})
      .filter((name) => name.startsWith("skipped"))
      .sort();
    const counts = reasons.map((name) => `${label(name.slice("skipped".length)).toLowerCase()}: ${count(value[name])}`);
    return { text: counts.length > 0 ? textOf("skipped", { reasons: counts.join(" · ") }) : "" };
  },
  surveyCounts: (value, arg, { doc }) => {
    const of = (state) =>
      value ? (value.states?.[state] ?? 0) : values(doc.surveys).filter((survey) => survey.state === state).length;
    return {
      text: SURVEYS.map((state) => [state, of(state)])
        .filter(([, n]) => n > 0)
        .map(([state, n]) => `${n} ${word("survey", state).toLowerCase()}`)
        .join(" · "),
    };
  },

  // Lists of which a page shows a part.
  listRange: (value) => {
    if (!value?.total) return { text: "" };
    const { total, page, needsAction: n } = value;
    const needed = textOf(n === 0 ? "noneNeedsAction" : n === 1 ? "oneNeedsAction" : "needAction", { n: count(n) });
    const first = (page - 1) * PAGE + 1;
    if (first > total) return { text: textOf("pastTheEnd", { total: count(total), needed }) };
    const last = Math.min(total, first + PAGE - 1);
    return { text: textOf("listRange", { first: count(first), last: count(last), total: count(total), needed }) };
  },
  listOlder: (value) => ({ hidden: value && value.page < value.pages ? null : "" }),

  // Wallboards.
  named: (value, arg) => ({ text: value ?? arg }),
  wallName: (value) => ({
    text: value === undefined ? NONE : plain(value),
    "data-long": [...plain(value)].length > 14 ? "" : null,
  }),
  tile: (value, arg, where) => {
    const end = arg.lastIndexOf(":");
    return fitting(queueTile(value, arg.slice(0, end), arg.slice(end + 1), where));
  },
  boardTile: (value, arg, where) => fitting(boardTile(value, arg, where)),
};

/** Renders a node from the document. Changes only what differs. Returns whether the text changed. */
export function paint(node, value, where) {
  const formatter = formatters[node.dataset.as];
  if (!formatter) return false;
  const { text, sort, ...attributes } = formatter(
    value,
    node.dataset.arg,
    { ...where, path: node.dataset.path ?? "" },
    node,
  );
  const changed = text !== undefined && write(node, text);
  if (sort !== undefined && node.dataset.sort !== String(sort)) node.dataset.sort = sort;
  for (const [name, wanted] of Object.entries(attributes)) {
    if (wanted === null || wanted === false || wanted === undefined) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(wanted)) node.setAttribute(name, wanted);
  }
  return changed;
}

/** Writes a text into a node without replacing its text node. Returns whether it changed. */
export function write(node, text) {
  const only = node.firstChild;
  if (only?.nodeType === 3 && !only.nextSibling) {
    if (only.data === text) return false;
    only.data = text;
    return true;
  }
  if (node.textContent === text) return false;
  node.textContent = text;
  return true;
}
