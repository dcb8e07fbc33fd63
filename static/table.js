// Tables that live: rows come and go with the document, filters and sorting work in place, and the order stands still
// while somebody points at the table or has the focus in it.

import { write } from "./paint.js";
import { word } from "./words.js";

export class Table {
  #rows = new Map();
  #frozen = false;
  #form;

  constructor(table, binding) {
    this.table = table;
    this.binding = binding;
    this.collection = table.dataset.collection;
    this.template = document.getElementById(`row-${this.collection}`);
    this.groupTemplate = document.getElementById("group-of-agents");
    for (const row of table.querySelectorAll("tr[data-row]")) this.#rows.set(row.dataset.row, row);
    this.#form = this.collection === "agents" ? document.getElementById("filter") : null;
    this.#freezeWhileUsed();
    this.#sortByHeading();
    this.#filterByForm();
  }

  has(id) {
    return this.#rows.has(id);
  }

  ids() {
    return this.#rows.keys();
  }

  add(id) {
    const row = this.binding.row(this.template, id);
    this.#rows.set(id, row);
    this.#body(id).append(row);
  }

  remove(id) {
    const row = this.#rows.get(id);
    const body = row.parentElement;
    this.#rows.delete(id);
    this.binding.release(row);
    row.remove();
    if (body.dataset.team !== undefined && !body.querySelector("tr[data-row]")) {
      this.binding.release(body);
      body.remove();
    }
  }

  /** After each change: everyone in their group, the filter, the totals, and the order unless it is frozen. */
  done() {
    this.#regroup();
    this.#filter();
    if (!this.#frozen) this.#sort();
  }

  #body(id) {
    if (this.table.dataset.group !== "team") return this.table.tBodies[0] ?? this.table.createTBody();
    const team = String(this.binding.doc.agents[id]?.team ?? "");
    const found = [...this.table.tBodies].find((body) => body.dataset.team === team);
    if (found) return found;
    const body = this.binding.row(this.groupTemplate, team);
    this.table.append(body);
    return body;
  }

  #regroup() {
    if (this.table.dataset.group !== "team") return;
    for (const [id, row] of this.#rows) {
      if (row.parentElement.dataset.team === String(this.binding.doc.agents[id]?.team ?? "")) continue;
      const left = row.parentElement;
      this.#body(id).append(row);
      if (!left.querySelector("tr[data-row]")) {
        this.binding.release(left);
        left.remove();
      }
    }
  }

  #freezeWhileUsed() {
    const thaw = () => {
      this.#frozen = this.table.matches(":hover") || this.table.contains(document.activeElement);
      if (!this.#frozen) this.#sort();
    };
    this.table.addEventListener("pointerenter", () => (this.#frozen = true));
    this.table.addEventListener("focusin", () => (this.#frozen = true));
    this.table.addEventListener("pointerleave", thaw);
    this.table.addEventListener("focusout", () => queueMicrotask(thaw));
  }

  #sortByHeading() {
    for (const link of this.table.querySelectorAll("thead a[data-column]")) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const heading = link.closest("th");
        const turned = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        const first = heading.dataset.first ?? "ascending";
        const direction = heading.hasAttribute("aria-sort") ? turned : first;
        for (const other of this.table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", direction);
        const [sort, dir] = this.collection === "queues" ? ["qsort", "qdir"] : ["sort", "dir"];
        remember({ [sort]: link.dataset.column, [dir]: direction === "descending" ? "desc" : "asc" });
        this.#sort();
      });
    }
  }

  #sort() {
    const heading = this.table.querySelector("thead th[aria-sort]");
    if (!heading) return;
    const column = heading.querySelector("a").dataset.column;
    const sign = heading.getAttribute("aria-sort") === "descending" ? -1 : 1;
    const key = (row, name) => row.querySelector(`[data-key="${name}"]`)?.dataset.sort ?? "";
    for (const body of this.table.tBodies) {
      const rows = [...body.querySelectorAll("tr[data-row]")];
      const sorted = rows
        .map((row) => ({ row, by: key(row, column), name: key(row, "name") }))
        .sort((a, b) => compare(a.by, b.by, sign) || compare(a.name, b.name, 1) || compare(a.row.dataset.row, b.row.dataset.row, 1));
      sorted.forEach(({ row }, i) => {
        const here = body.querySelectorAll(":scope > tr[data-row]")[i];
        if (here !== row) body.moveBefore && row.isConnected ? body.moveBefore(row, here) : body.insertBefore(row, here);
      });
    }
  }

  #filterByForm() {
    this.#form?.addEventListener("input", () => {
      const choice = Object.fromEntries(new FormData(this.#form));
      remember({ q: choice.q, team: choice.team, state: choice.state });
      this.#filter();
    });
    this.#form?.elements.group?.addEventListener("change", () => this.#form.requestSubmit());
  }

  #filter() {
    if (!this.#form) return;
    const { q = "", team = "", state = "" } = Object.fromEntries(new FormData(this.#form));
    const { agents, teams = {} } = this.binding.doc;
    let shown = 0;
    for (const [id, row] of this.#rows) {
      const agent = agents[id];
      if (!agent) continue;
      const teamName = agent.team === undefined ? "" : (teams[agent.team]?.name ?? "");
      const text = [agent.name, teamName, word("status", agent.status), agent.reason ?? ""].join(" ").toLowerCase();
      const fits = text.includes(q.trim().toLowerCase()) && (!team || String(agent.team ?? "") === team) && (!state || agent.activity === state);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const body of this.table.tBodies) body.hidden = !body.querySelector("tr[data-row]:not([hidden])");
    const all = this.#rows.size;
    write(document.getElementById("agents-shown"), shown === all ? `${all} agents` : `${shown} of ${all} agents`);
    document.getElementById("nobody").hidden = shown > 0 || all === 0;
  }
}

function compare(a, b, sign) {
  if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
  return a === b ? 0 : sign * (a < b ? -1 : 1);
}

/** Every view is an address: what was chosen stands in it. */
function remember(choices) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(choices)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(null, "", url);
}
