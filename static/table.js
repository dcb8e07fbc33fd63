// Live tables: rows follow the document, filters and sorting work in place. While the pointer or the focus is in a row,
// the order pauses for a limited time, and the page says so.

import { byNumber, byText, compare, moves, Pause, put } from "./order.js";
import { agents as agentsText, write } from "./paint.js";
import { text as textOf, word } from "./labels.js";

export class Table {
  #rows = new Map();
  #form;
  #pause;

  constructor(table, binding) {
    this.table = table;
    this.binding = binding;
    this.collection = table.dataset.collection;
    this.template = document.getElementById(`row-${this.collection}`);
    this.groupTemplate = document.getElementById("group-of-agents");
    for (const row of table.querySelectorAll("tr[data-row]")) this.#rows.set(row.dataset.row, row);
    this.#form = this.collection === "agents" ? document.getElementById("filter") : null;
    this.#pause = new Pause(table, "tbody", document.getElementById(`paused-${this.collection}`), () => this.#order());
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

  /** After each change: everyone in their group, the filter, the totals, and the order unless it is paused. */
  done() {
    this.#regroup();
    this.#filter();
    this.#order();
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

  /** Orders the rows, or shows how many would move. */
  #order() {
    const sorted = this.#sorted();
    this.#pause.tell(() => sorted.reduce((sum, { rows, wanted }) => sum + moves(rows, wanted), 0));
    if (this.#pause.isOn) return;
    this.#orderGroups();
    for (const { body, rows, wanted } of sorted) put(body, rows[0] ?? null, wanted);
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
        this.#pause.end();
      });
    }
  }

  /** Teams by name, agents without a team last. */
  #orderGroups() {
    if (this.table.dataset.group !== "team") return;
    const name = (body) =>
      body.dataset.team
        ? (this.binding.doc.teams?.[body.dataset.team]?.name ?? textOf("teamNumber", { id: body.dataset.team }))
        : "";
    const bodies = [...this.table.tBodies];
    const wanted = bodies.toSorted(
      (a, b) => compare(name(a), name(b), byText) || byText(a.dataset.team, b.dataset.team),
    );
    if (wanted.some((body, i) => body !== bodies[i])) put(this.table, this.table.tBodies[0], wanted);
  }

  /** Each body's rows as they are, and in order. */
  #sorted() {
    const heading = this.table.querySelector("thead th[aria-sort]");
    if (!heading) return [];
    const column = heading.querySelector("a").dataset.column;
    const sign = heading.getAttribute("aria-sort") === "descending" ? -1 : 1;
    const by = heading.dataset.first === "descending" ? byNumber : byText;
    const key = (row, name) => row.querySelector(`[data-key="${name}"]`)?.dataset.sort ?? "";
    return [...this.table.tBodies].map((body) => {
      const rows = [...body.querySelectorAll(":scope > tr[data-row]")];
      const wanted = rows
        .map((row) => ({ row, by: key(row, column), name: key(row, "name"), id: row.dataset.row }))
        .sort((a, b) => compare(a.by, b.by, by, sign) || compare(a.name, b.name, byText) || byText(a.id, b.id))
        .map(({ row }) => row);
      return { body, rows, wanted };
    });
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
      const fits =
        text.includes(q.trim().toLowerCase()) &&
        (!team || String(agent.team ?? "") === team) &&
        (!state || agent.activity === state);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const body of this.table.tBodies) body.hidden = !body.querySelector("tr[data-row]:not([hidden])");
    const all = this.#rows.size;
    // Without any agent there is no count; the page says so in words.
    write(
      document.getElementById("agents-shown"),
      all === 0 ? "" : shown === all ? agentsText(all) : textOf("agentsMatching", { n: shown, all }),
    );
    document.getElementById("no-match").hidden = shown > 0 || all === 0;
  }
}

/** Filters and sorting are in the address, so every view can be shared. */
function remember(choices) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(choices)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(null, "", url);
}
