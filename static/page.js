// Keeps a rendered page up to date: its document, the live connection, and the clock.

import { actions } from "./action.js";
import { Bar } from "./status_bar.js";
import { Binding } from "./bind.js";
import { clock as clockText, since } from "./format.js";
import { text as textOf } from "./labels.js";
import { Stack, Thread } from "./list.js";
import { Link } from "./live.js";
import { hideWhenLeft, isHidden, show, signedOut, wipe } from "./signed_out.js";
import { write } from "./paint.js";
import { Table } from "./table.js";
import { Clock, tick } from "./tick.js";
import { display } from "./wallboard.js";

const facts = document.documentElement.dataset;
const clock = new Clock(facts.now, facts.zone);
let cleared = false;
let reloading = false;
// The document does not stay in the page: what the user may no longer see must not stay either.
const rendered = document.getElementById("state");
rendered.remove();
const binding = new Binding(JSON.parse(rendered.textContent), clock, facts.queueMetrics?.split(","));
for (const table of document.querySelectorAll("table[data-collection]")) binding.keep(new Table(table, binding));
for (const list of document.querySelectorAll("[data-list=stack]")) binding.keep(new Stack(list, binding));
for (const list of document.querySelectorAll("[data-list=thread]")) binding.keep(new Thread(list, binding));
for (const bar of document.querySelectorAll("[data-bar]")) binding.keep(new Bar(bar, binding));
binding.repaint();
document.documentElement.classList.add("scripted");

// A paired display that starts with its token in the address comes here with it.
if (location.hash.startsWith("#token=")) history.replaceState(null, "", location.pathname + location.search);

const board = document.querySelector(".board");
const tv = board ? display(clock, binding) : null;
const step = tick(clock, document, () => !cleared && tv?.every() && reloadWhenSafe());
step();
actions();
hideWhenLeft();

const linkState = document.getElementById("link-state");
const asOf = document.getElementById("as-of");
const lost = document.getElementById("lost");
let heardAt = Date.parse(facts.now);

const words = {
  live: () => textOf("live"),
  late: () => textOf("late"),
  lost: () => textOf("lost", { time: since(heardAt, clock.zone, clock.running()) }),
  signedOut: () => textOf(board ? "displayRevoked" : "signedOut"),
  tooMany: () => textOf("tooManyPages"),
  refused: () => textOf("refused"),
};

const link = new Link(
  {
    address: "/api/v1/live",
    scope: facts.scope,
    epoch: facts.epoch,
    version: Number(facts.version),
    build: facts.build,
  },
  {
    snapshot: (state) => (cleared ? location.reload() : binding.replace(state)),
    patch: (patch) => binding.change(patch),
    now: (now) => clock.set(now),
    received: () => {
      show();
      heardAt = clock.running();
      write(asOf, clockText(heardAt, clock.zone));
    },
    state: showState,
    build: reloadWhenSafe,
    reload: reloadWhenSafe,
    // A display reports its state: supervisors see it under /displays.
    beat: (now) => board && { received: now, width: window.innerWidth, height: window.innerHeight, build: facts.build },
  },
);

function showState(state) {
  facts.link = state;
  write(linkState, words[state]());
  const broken = state !== "live" && state !== "late";
  lost.hidden = !broken;
  write(lost, broken ? `${words[state]()}.`.replace(/\.\.$/, ".") : "");
  if (broken) clock.stop(heardAt);
  else clock.resume();
  if (board) {
    const blanked = board.dataset.stoppedAt && !broken;
    board.dataset.stoppedAt = broken ? String(heardAt) : "";
    if (blanked) binding.repaint();
  }
  // A page that was left and is shown again stays hidden until the server has said that it may be seen: not then.
  if (state === "signedOut" || state === "refused" || (state === "tooMany" && isHidden())) clear();
}

/** Removes what a viewer may no longer see; when access is granted again, the page is loaded again. */
function clear() {
  if (cleared) return;
  cleared = true;
  link.version = null;
  if (facts.link === "signedOut") {
    if (!board) return signedOut();
    wipe(words.signedOut(), "pairing");
    // A display shows its pairing code; no password is typed there.
    setInterval(() => whenHealthy(() => location.replace("/display")), 10_000);
    return;
  }
  // The state of the sources is cleared with the data; the user's name stays while they are signed in.
  for (const node of document.querySelectorAll(".chips, .notice, #lost")) node.remove();
  document.title = "Callboard";
  show();
  const content = document.getElementById("content");
  content.className = board ? "pairing" : "problem";
  content.replaceChildren(
    Object.assign(document.createElement("h1"), { role: "alert", textContent: words[facts.link]() }),
  );
}

/** A page that is loaded while the server is away never comes back by itself. */
async function whenHealthy(go) {
  if (
    await fetch("/healthz", { cache: "no-store" }).then(
      (r) => r.ok,
      () => false,
    )
  )
    go();
}

/** Only a reload helps: when the user is not typing, and only once the server answers. */
function reloadWhenSafe() {
  if (reloading || cleared) return;
  reloading = true;
  const timer = setInterval(
    async () => {
      const typing =
        document.querySelector("[data-typed]") ||
        document.activeElement?.matches("input:not([type=hidden]), textarea, select") ||
        document.querySelector("dialog[open]");
      if (typing && document.visibilityState === "visible") return;
      await whenHealthy(() => {
        clearInterval(timer);
        location.reload();
      });
    },
    5_000 + Math.random() * 10_000,
  );
}
