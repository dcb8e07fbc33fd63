// Forms that act: sent in the background with a key that makes a second press harmless. Without script the same form is
// posted as it is.

import { word } from "./words.js";

const CONFLICT = 409;

/** Makes every `form[data-act]` act in place. */
export function actions(root = document) {
  for (const form of root.querySelectorAll("form[data-act]")) {
    form.elements.idempotency_key.value ||= freshKey();
    for (const select of form.querySelectorAll("select[data-choices]")) offer(select);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, event.submitter);
    });
  }
}

/** What is asked for, from a form's fields as they were filled in. */
export function wanted({ choice, ...fields }) {
  const body = Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ""));
  if (body.tags) body.tags = body.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (body.session_id) body.session_id = Number(body.session_id);
  for (const name of ["suspended", "recording"]) if (body[name]) body[name] = body[name] === "true";
  return choice ? { ...body, ...JSON.parse(choice) } : body;
}

/** Fills a choice with what Clarity says is possible now. */
async function offer(select) {
  const answer = select.form.querySelector("[data-answer]");
  try {
    const response = await fetch(select.dataset.choices);
    if (!response.ok) return say(answer, await whyNot(response), "failed");
    const { statuses } = await response.json();
    for (const { status, reason, reason_code } of statuses) {
      const text = [word("status", status), reason].filter(Boolean).join(", ");
      select.append(new Option(text, JSON.stringify({ status, reason_code })));
    }
  } catch {
    say(answer, "What is possible could not be asked. Reload the page.", "failed");
  }
}

async function send(form, submitter) {
  const answer = form.querySelector("[data-answer]");
  const { idempotency_key: key, ...fields } = Object.fromEntries(new FormData(form, submitter));
  const body = wanted(fields);
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  say(answer, "Sending…", "busy");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
    if (response.ok) {
      form.reset();
      form.elements.idempotency_key.value = freshKey();
      say(answer, form.dataset.done ?? "Asked for. It comes to the top of the table.", "done");
    } else if (response.status === CONFLICT && !form.dataset.done) {
      // The key belongs to a deed that did arrive, with other words. Whatever is pressed next is a new one.
      form.elements.idempotency_key.value = freshKey();
      say(answer, "An earlier version was already taken: see the table.", "failed");
    } else {
      // A deed that was refused is over: whatever is pressed next is another one.
      if (form.dataset.done && response.status < 500) form.elements.idempotency_key.value = freshKey();
      say(answer, await whyNot(response), "failed");
    }
  } catch {
    // The key stays: whether or not the first try arrived, the next is the same deed.
    say(answer, "The server did not answer. Nothing is lost: press again, it will not be sent twice.", "failed");
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function whyNot(response) {
  const problem = await response.json().catch(() => ({}));
  return [problem.title, problem.detail].filter(Boolean).join(" ") || `The server refused it with status ${response.status}.`;
}

// Where the page did not come by a safe way, browsers have no `randomUUID`.
const freshKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function say(node, text, state) {
  node.textContent = text;
  node.dataset.state = state;
}
