// What each kind of cell shows. A formatter is pure: from the value at the node's path, its argument and the document
// to `{ text, sort, ...attributes }`. Without `text` the node's content is left alone; an attribute of null or false
// goes. The server paints the same from the same document (src/web/pages/), so that painting twice changes nothing.

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
  plain,
  sample,
  since as sinceText,
  sourcesOf,
  why,
} from "./format.js";
import { at } from "./patch.js";
import { ACTIVITIES, promoter, SURVEYS, word } from "./labels.js";

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
    : (doc.queues?.[id]?.name ?? (word("specialQueue", id) === String(id) ? `Queue ${id}` : word("specialQueue", id)));
const place = (session, at) =>
  [queueName(session.queue, at), word("modality", session.modality)].filter(Boolean).join(", ");
const agentName = (id, { doc }) => doc.agents?.[id]?.name ?? `Agent ${id}`;
const teamName = (id, { doc }) => (id === undefined ? "No team" : (doc.teams?.[id]?.name ?? `Team ${id}`));
/** Where an activity stands in the order of activities; one that has no place there stands last. */
const rank = (activity) => (ACTIVITIES.includes(activity) ? ACTIVITIES.indexOf(activity) : "");
const possible = (candidates) => {
  const n = values(candidates).length;
  return n === 0 ? "Is it another call?" : n === 1 ? "1 other possible call" : `${n} possible calls`;
};

/** A name that leaves room for what its bearer wrote. */
const short = (name) => ([...name].length > 40 ? `${[...name].slice(0, 40).join("")}…` : name);

/** The newest words of a thread; whose they are, unless they are the customer's. */
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

const UNTOLD = "Clarity has not reported it.";
const UNREPORTED = "Clarity does not report it.";
const NOT_ASKED = "Not requested: add it to `queue_metrics`.";
const UNANSWERED = "No responses in this period.";
const UNSTAFFED = "Clarity does not say which teams answer it.";
const OF_CLARITY = "Clarity's own count.";
const NO_SUM = "It cannot be added up over several queues.";

/** A cell with a title that says why it is a dash. `because` is what is said while the source is heard. */
const known = (cell, { doc }, because, from = CALLS, hidden = false) => ({
  ...cell,
  title: cell.title ?? (cell.text === NONE ? why(doc.sources, from, hidden, because) : null),
});

/** Why a metric of a queue is not known while Clarity is heard. `asked`: those that it is asked for. */
const noMetric = (name, { asked }) => {
  const isAsked = !asked || asked.some((one) => one.toLowerCase() === name.toLowerCase());
  return isAsked ? UNREPORTED : NOT_ASKED;
};

/** Whether there is something at a path below an entity that this viewer does not see. */
const isHidden = ({ doc, path }, what = "feedback") => {
  const [section, id] = path.split("/");
  return Boolean(at(doc, `${section}/${id}/hidden`)?.[what]);
};
const answered = (cell, where, hidden = isHidden(where)) => known(cell, where, UNANSWERED, ANSWERS, hidden);
const staffOf = (doc, of) => doc.counts?.[of]?.staff;

/** A longest wait. Without waiting callers there is none. */
const longest = (value, where) => {
  const cell = timer(value?.longestWaitSince, where);
  return cell.text === NONE && value?.waiting === 0 ? { ...cell, title: "No customer is waiting." } : cell;
};

/** One of a queue's counts of agents: ours, else Clarity's own. */
const ofStaff = (queue, id, name, own, where) => {
  const staff = staffOf(where.doc, `queue:${id}`);
  if (staff) return { text: count(staff[name]), title: null };
  if (queue?.[own] !== undefined) return { text: count(queue[own]), title: OF_CLARITY };
  return known({ text: NONE }, where, queue?.teams ? UNTOLD : UNSTAFFED, CALLS, Boolean(queue?.hidden?.staff));
};

/** One number of a queue on a wallboard. */
function queueTile(queue, name, id, where) {
  const hidden = Boolean(queue?.hidden?.feedback);
  if (name === "queuedCount") return known({ text: count(queue?.waiting) }, where, UNTOLD);
  if (name === "longestWait") return known(longest(queue, where), where, UNTOLD);
  if (name === "agentsAvailable") return ofStaff(queue, id, "available", "agentsAvailable", where);
  if (name === "agentsOnline") return ofStaff(queue, id, "loggedIn", "agentsOnline", where);
  if (name === "csatToday") return answered({ text: stat(queue?.feedback?.csat).text }, where, hidden);
  if (name === "npsToday") return answered({ text: nps(queue?.feedback?.nps) }, where, hidden);
  if (name === "serviceLevel") return NOT_OFFERED;
  return known({ text: metricCell(queue?.metrics, name) }, where, noMetric(name, where));
}

const NOT_OFFERED = { text: "n/a", title: "It is not computed yet." };

/** One number of all queues of a wallboard together, as it stands under `counts`. */
function boardTile(counts, name, where) {
  const hidden = counts?.hidden ?? {};
  if (name === "queuedCount") return known({ text: count(counts?.waiting) }, where, UNTOLD, CALLS, hidden.waiting);
  if (name === "longestWait") return known(longest(counts, where), where, UNTOLD, CALLS, hidden.longestWaitSince);
  if (name === "agentsAvailable")
    return known({ text: count(counts?.staff?.available) }, where, UNSTAFFED, CALLS, hidden.staff);
  if (name === "agentsOnline")
    return known({ text: count(counts?.staff?.loggedIn) }, where, UNSTAFFED, CALLS, hidden.staff);
  if (name === "csatToday") return answered({ text: stat(counts?.csat).text }, where, hidden.csat);
  if (name === "npsToday") return answered({ text: nps(counts?.nps) }, where, hidden.nps);
  if (name === "serviceLevel") return NOT_OFFERED;
  const key = Object.keys(counts?.metrics ?? {}).find((key) => key.toLowerCase() === name.toLowerCase());
  const text = key === undefined ? NONE : measure(name, counts.metrics[key]);
  return known({ text }, where, name.toLowerCase().endsWith("count") ? noMetric(name, where) : NO_SUM);
}

/** The question before an action on a response. */
function actionQuestion(kind, customer = "the customer") {
  if (kind === "reply") return `Send this reply to ${customer}? It may be published.`;
  if (kind === "message") return `Send this private message to ${customer}?`;
  if (kind === "call") return `Tell Goodays that you have called ${customer}? That closes the conversation.`;
  if (kind === "close") return `Close the conversation with ${customer} without an answer?`;
  return kind === "spam" ? `Report what ${customer} wrote as spam?` : "";
}

/** On a wall what is longer than `12:34` is written smaller. */
export const isLong = (text) => [...text].length > 5;
const fitting = (cell) => ({ ...cell, "data-long": isLong(cell.text) ? "" : null });

export const formatters = {
  text: (value) => ({ text: value === undefined ? NONE : plain(value), sort: value === undefined ? "" : plain(value) }),
  optional: (value) => ({ text: value === undefined ? "" : plain(value) }),
  count: (value) => ({ text: count(value), sort: value ?? "" }),
  waiting: (value, arg, where) =>
    known({ text: count(value), sort: value ?? "", "data-some": value > 0 ? "" : null }, where, UNTOLD),
  since: (value, arg, where) => {
    const queue = where.path.startsWith("queues/") ? where.doc.queues?.[where.path.split("/")[1]] : undefined;
    return known(queue ? longest(queue, where) : timer(value, where), where, UNTOLD);
  },
  ago: (value, arg, at) => ({ ...timer(value, at, ago), "data-coarse": "" }),
  metric: (value, arg, where) => {
    const because = where.path.startsWith("queues/") ? noMetric(arg, where) : UNREPORTED;
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
    // A missing value counts as 0 only where a source that would report it is heard.
    const isNone =
      arg === "0" &&
      (typeof value !== "number" || value === 0) &&
      (hidden || !isCounted(where.doc.sources, from, value));
    const cell = { text: isNone ? NONE : text, title: title || null, "data-small": small ? "" : null };
    return title ? cell : known(cell, where, UNANSWERED, from, hidden);
  },
  statNote: (value) => ({ text: stat(value).note }),
  month: (value, arg, { zone, now }) => ({
    text: value?.since ? `30 days since ${moment(Date.parse(value.since), zone, now)}` : "",
  }),
  coverage: (value, arg, { zone, now }) => {
    if (!value) return { text: "" };
    const reasons = Object.keys(value.reasons ?? {})
      .sort()
      .map((name) => `${label(name).toLowerCase()}: ${value.reasons[name]}`);
    const since = value.since ? moment(Date.parse(value.since), zone, now) : "";
    const rest = reasons.length > 0 ? `. Skipped: ${reasons.join(" · ")}` : "";
    return { text: `${value.hit} of ${value.n} ended interactions since ${since}${rest}` };
  },
  openItems: (value) => ({ text: value?.open > 0 ? `${count(value.open)} open` : "" }),

  // The frame.
  trust: (value) => ({
    "data-clarity": value?.clarity?.state ?? "off",
    "data-goodays": value?.goodays?.state ?? "off",
    "data-agentconnect": value?.agentConnect?.state ?? "off",
  }),
  chip: (value) => ({ "data-state": value?.state ?? "off", title: value?.reason ?? null }),
  nextTry: (value, arg, { zone }) => ({ text: value ? `Next try at ${clock(Date.parse(value), zone)}` : "" }),
  chipWord: (value) => ({ text: value?.state ?? "off" }),
  notice: (value, arg, { zone, now }) => {
    const state = value?.state ?? "off";
    const since = sinceText(Date.parse(value?.lastData ?? value?.since ?? "") || 0, zone, now);
    const reason = value?.reason ? ` ${value.reason}` : "";
    const said = value?.lastData || value?.since ? ` since ${since}` : "";
    if (state === "stale")
      return {
        text: `${word("source", arg)} has sent no data${said}. Greyed values are older.${reason}`,
        hidden: null,
      };
    if (state === "down")
      return { text: `${word("source", arg)} is unavailable${said}. Greyed values are older.${reason}`, hidden: null };
    return { text: "", hidden: "" };
  },

  // Tiles of the supervisor.
  totalWaiting: (value, arg, where) => boardTile(value, "queuedCount", where),
  totalLongest: (value, arg, where) => boardTile(value, "longestWait", where),
  totalLongestQueue: (value, arg, where) => {
    if (value?.longestWaitQueue !== undefined) return { text: `in ${queueName(value.longestWaitQueue, where)}` };
    return { text: value?.waiting === 0 ? "No customer is waiting" : "Not known" };
  },
  activityCount: (value, arg, where) => known({ text: count(value?.[arg]) }, where, UNTOLD),
  loggedIn: (value) => ({ text: `of ${count(value?.loggedIn)} logged in` }),
  awayCount: (value) => ({ text: `and ${count(value?.away)} away` }),
  // It is added up over teams, and of those Clarity tells.
  openFeedback: (value, arg, where) => {
    const from = isCounted(where.doc.sources, ["goodays"]) ? CALLS : ["goodays"];
    return known({ text: count(value?.openFeedback) }, where, UNTOLD, from, value?.hidden?.openFeedback);
  },

  // Queues.
  queueOpen: (value) => ({
    text: value === undefined ? "" : value ? "Open" : "Closed",
    "data-open": value === undefined ? null : String(value),
  }),
  staff: (value, id, where) => {
    const [available, online] = [
      ofStaff(value, id, "available", "agentsAvailable", where),
      ofStaff(value, id, "loggedIn", "agentsOnline", where),
    ];
    const sort = staffOf(where.doc, `queue:${id}`)?.available ?? value?.agentsAvailable ?? "";
    return {
      text: available.text === NONE ? NONE : `${available.text} of ${online.text}`,
      title: available.title,
      sort,
    };
  },
  queueMore: (value, arg, { doc, zone, now, path }) => {
    const lines = byBegin(value?.sessions).map(([, s], i) => {
      const since = s.since ? `, since ${sinceText(Date.parse(s.since), zone, now)}` : "";
      return `${i + 1}. ${s.customer ?? "Customer"}, ${word("modality", s.modality)}${since}`;
    });
    const id = path.split("/")[1];
    if (value?.agentsAvailable !== undefined && staffOf(doc, `queue:${id}`)) {
      lines.push(
        `Clarity's own count: ${count(value.agentsAvailable)} available, ${count(value.agentsOnline)} logged in`,
      );
    }
    if (value?.estimatedWaitSeconds !== undefined)
      lines.push(`Estimated wait: ${duration(value.estimatedWaitSeconds)}`);
    if (value?.callsToday !== undefined) lines.push(`Calls today: ${count(value.callsToday)}`);
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
      value?.suspended ? "Suspended" : "",
      value?.reason ?? "",
      value?.contradictingStatus ? `Clarity also says ${word("status", value.contradictingStatus)}` : "",
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
    const text = all.length > 1 ? `${place(first, at)}, +${all.length - 1} more` : place(first, at);
    return { text, sort: text };
  },
  contactSince: (value, arg, at) => {
    const since = byBegin(value?.sessions)[0]?.[1].since;
    return since ? timer(since, at) : { text: "", datetime: null };
  },
  gone: (value, arg) => ({ hidden: value?.[arg] ? "" : null }),
  occupancy: (value, arg, where) => known({ text: value ? `${number(value.value)} %` : NONE }, where, UNTOLD),
  place: (value, arg, at) => ({ text: place(value ?? {}, at) }),
  contactStatus: (value) => ({ text: word("contact", value) }),
  sessionNumber: (value, arg) => ({ text: `session ${arg}` }),
  recording: (value) => ({ text: value === true ? "Being recorded" : "" }),
  kindOf: (value, arg) => ({ text: word("modality", arg) }),
  bagMetric: (value, arg, where) => known({ text: metricCell({ it: value }, arg) }, where, UNREPORTED),
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
    return { text: `${staff.agents} ${staff.agents === 1 ? "agent" : "agents"}: ${states.join(", ")}` };
  },

  // Feedback.
  thread: (value) => ({ text: word("thread", value), "data-thread": value ?? "" }),
  score: (value) => ({
    text: value === undefined ? NONE : String(value),
    "data-score": value === undefined ? null : promoter(value),
  }),
  scoreWord: (value) => ({ text: value === undefined ? "no score" : promoter(value) }),
  excerpt: (value) => ({ text: excerpt(value) || "No words, only answers." }),
  responder: (value, arg, at) => {
    const id = value?.attribution?.agent ?? value?.agent;
    if (id === undefined) return { text: "", "data-activity": null, href: null };
    const agent = at.doc.agents?.[id];
    const now = agent ? `, ${agent.suspended ? "suspended" : word("status", agent.status).toLowerCase()} now` : "";
    return { text: `${agentName(id, at)}${now}`, "data-activity": agent?.activity ?? null, href: `/agents/${id}` };
  },
  attribution: (value) => ({
    text: `${word("rule", value?.rule)}${value?.evidence ? `: ${value.evidence}` : ""}`,
    "data-linked": value?.confidence ? "" : null,
  }),
  confidence: (value) => ({ text: word("confidence", value) }),
  assumed: (value) => ({ text: word("assumed", value) }),
  possible: (value) => ({ text: possible(value) }),
  writer: (value, arg, { doc }) => ({ text: value ?? doc.feedback?.[arg]?.customer ?? "a customer" }),
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
    return {
      text: names.length > 0 ? `Offered by Goodays: ${names.join(", ")}.` : "Goodays offers no action for it now.",
    };
  },
  wroteAgain: (value) => ({ text: value?.needsReply && value.state === "closed" ? "The customer wrote again" : "" }),
  action: (value) => ({ text: word("action", value) }),
  actionStateLabel: (value) => ({ text: word("actionState", value), "data-survey": value ?? "" }),
  actionState: (value) => ({ "data-action-state": value ?? "" }),
  offer: (value, arg, { doc }) => {
    const [kind, id] = [arg.slice(0, arg.indexOf(":")), arg.slice(arg.indexOf(":") + 1)];
    const isMark = kind === "no-answer-needed";
    const isOffered = isMark ? value?.message && !value.close && doc.feedback?.[id]?.needsReply : value?.[kind];
    const isHeard = (doc.sources?.goodays?.state ?? "live") !== "off";
    return { "data-offered": isOffered && isHeard ? "" : null };
  },
  // What is asked before something reaches a customer or a live call: src/web/pages/answering.rs and surveys.rs ask the
  // same.
  actionQuestion: (value, arg) => ({ value: actionQuestion(arg, value) }),
  actionRetryQuestion: (value, arg, { doc }) => ({
    value: `Once more, for ${doc.feedback?.[arg]?.customer ?? "the customer"}: ${word("action", value).toLowerCase()}?`,
  }),
  retryQuestion: (value) => ({ value: `Send ${value ?? "the customer"} the request for a survey?` }),
  recoverQuestion: (value) => ({ value: `Ask ${value ?? "the customer"} again, now that it was made good?` }),
  namedQuestion: (value, arg) => ({ "data-ask": arg.replace("{}", () => value ?? "this agent") }),
  redo: (value, arg, at, node) => ({
    hidden: value || node?.querySelector("[data-answer]:not(:empty)") ? null : "",
    "data-offered": value ? "" : null,
  }),
  labelled: (value) => ({ text: value === undefined ? "" : label(value) }),
  number: (value) => ({ text: value === undefined ? "" : String(value) }),
  queueName: (value, arg, at) => ({ text: queueName(value, at) ?? "" }),
  teamName: (value, arg, at) => ({ text: value === undefined ? "" : teamName(value, at) }),
  alert: (value) => ({ text: value ? "Goodays raised an alert for it" : "" }),

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
    const agents = names.length === 1 ? "agent" : "agents";
    return {
      text: `Clarity does not permit Callboard's account to see ${names.length} ${agents}: ${names.join(", ")}.`,
    };
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
  stars: (value) => ({ text: value === undefined ? "" : `${value} of 5 stars` }),
  npsScore: (value) => ({ text: value === undefined ? "" : `NPS ${value}` }),
  shown: (value) => ({ hidden: value ? null : "" }),
  notAsked: (value) => {
    const reasons = Object.keys(value ?? {})
      .filter((name) => name.startsWith("skipped"))
      .sort();
    const counts = reasons.map((name) => `${label(name.slice("skipped".length)).toLowerCase()}: ${count(value[name])}`);
    return { text: counts.length > 0 ? `Skipped: ${counts.join(" · ")}` : "" };
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
    const needed = n === 0 ? "none needs action" : n === 1 ? "1 needs action" : `${count(n)} need action`;
    const first = (page - 1) * PAGE + 1;
    if (first > total) return { text: `Nothing is left here; ${count(total)} in all, ${needed}` };
    return { text: `${count(first)} to ${count(Math.min(total, first + PAGE - 1))} of ${count(total)}, ${needed}` };
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

/** Paints a node from the document. Touches only what differs. Says whether the text changed. */
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

/** Writes a text into a node without replacing its text node. Says whether it changed. */
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
