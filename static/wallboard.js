// A display that is not touched for weeks: it turns its pages, hides the cursor, keeps the screen on, and shows in a
// band for how long nothing was received.

import { clock as clockText, duration, since as sinceText } from "./format.js";
import { text as textOf } from "./labels.js";
import { isLong, write } from "./paint.js";

const BLANK_AFTER = 10 * 60;
const HEAL_EVERY = 60_000;

/** Starts the board. Call `every()` each second; it returns whether the board must be loaded again. */
export function display(clock, binding) {
  const board = document.querySelector(".board");
  const rendered = shown(binding.doc, board.dataset.queues);
  const began = performance.now();
  const pages = [...board.querySelectorAll(".board-page")];
  const mark = document.getElementById("page-mark");
  const turns = Math.max(8, Number(board.dataset.rotate) || 20) * 1000;
  let current = 0;
  let paused = false;

  const show = (index) => {
    current = (index + pages.length) % pages.length;
    pages.forEach((page, i) => (page.hidden = i !== current));
    const text = textOf(paused ? "boardPagePaused" : "boardPage", { page: current + 1, pages: pages.length });
    write(mark, pages.length > 1 ? text : "");
  };
  if (pages.length > 0) {
    show(0);
    if (pages.length > 1) setInterval(() => paused || show(current + 1), turns);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") show(current + 1);
    else if (event.key === "ArrowLeft") show(current - 1);
    else if (event.key === " ") [paused] = [!paused, event.preventDefault()];
    else if (event.key === "f") document.documentElement.requestFullscreen?.();
    else return;
    show(current);
  });
  hideCursor();
  stayOn();
  shiftPixels(board);
  const every = () => {
    age(clock, board);
    // Timers grow longer by themselves.
    for (const value of board.querySelectorAll("time[data-value]"))
      value.toggleAttribute("data-long", isLong(value.textContent));
    return isUnfinished(rendered, shown(binding.doc, board.dataset.queues), performance.now() - began);
  };
  return { every };
}

/** Which queues a board has to show: those of its list that the document has; without a list, all. */
export function shown(doc, listed = "") {
  const there = Object.keys(doc.queues ?? {});
  const wanted = listed.split(",").filter(Boolean);
  return there
    .filter((id) => wanted.length === 0 || wanted.includes(id))
    .sort()
    .join(",");
}

/**
 * Whether the board must be loaded again because its queues changed: only the server renders rows. A board without
 * queues tries again too, because the server finds queues by name only when it renders. At most once a minute, so that
 * walls do not blink while a contact center is set up.
 */
export const isUnfinished = (rendered, wanted, age) => age >= HEAL_EVERY && (rendered !== wanted || rendered === "");

/** After ten minutes without data values become "?", so that no decision is based on them. */
function age(clock, board) {
  write(document.getElementById("clock"), clockText(clock.running(), clock.zone).slice(0, 5));
  const band = document.getElementById("band");
  const since = Number(board.dataset.stoppedAt);
  band.hidden = !since;
  // Said once: what is read out when it changes must not change each second.
  write(
    document.getElementById("band-said"),
    since ? textOf("dataStopped", { time: sinceText(since, clock.zone, clock.running()) }) : "",
  );
  if (!since) return;
  const seconds = (clock.running() - since) / 1000;
  write(document.getElementById("band-age"), textOf("dataStoppedAge", { time: duration(seconds) }));
  if (seconds < BLANK_AFTER) return;
  for (const value of board.querySelectorAll("[data-value]")) write(value, "?");
}

function hideCursor() {
  let timer = 0;
  const wake = () => {
    document.documentElement.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => document.documentElement.classList.add("idle"), 5_000);
  };
  document.addEventListener("pointermove", wake);
  wake();
}

function stayOn() {
  const ask = () => document.visibilityState === "visible" && navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", ask);
  ask();
}

/** One or two pixels every ten minutes, against burn-in. */
function shiftPixels(board) {
  let step = 0;
  setInterval(() => (board.dataset.shift = String((step += 1) % 4)), 600_000);
}
