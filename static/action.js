// Action forms: sent in the background with an idempotency key, so a second press is harmless. Without script the same
// form is posted to the confirmation page, where the action needs one.

import { ask, question, takeBack } from "./ask.js";
import { Drafts, Signature } from "./draft.js";
import { text as textOf, word } from "./labels.js";

const CONFLICT = 409;
const NUMBERS = ["session", "session_id", "rating"];
const CHOICES_OF_TWO = ["sure", "suspended", "recording", "again"];

/** Makes every `form[data-act]` act in place, also those that come later. */
export function actions(root = document) {
  const person = document.documentElement.dataset.person ?? "";
  const [drafts, signature] = [new Drafts(person), new Signature(person)];
  for (const kept of [drafts, signature]) kept.sweep();
  for (const form of root.querySelectorAll("form[data-act]")) {
    const key = form.elements.idempotency_key;
    if (key) key.value ||= freshKey();
    for (const field of form.querySelectorAll("[data-remember]")) field.value ||= signature.of(field.name);
    for (const select of form.querySelectorAll("select[data-choices]")) offer(select);
    if (!drafts.restore(form)) continue;
    marked(form);
    form.closest("details")?.toggleAttribute("open", true);
    say(answerOf(form), textOf("draftRestored"), "kept");
  }
  root.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!form.matches("form[data-act]")) return;
    event.preventDefault();
    const said = question(form, submitter);
    // A script that submits a form cannot be asked to confirm.
    if (!said || submitter === null) return send(form, submitter, drafts, signature);
    answerOf(form);
    ask(form, submitter, said, () => send(form, submitter, drafts, signature));
  });
  // Typed text stays, on the page and in the browser, whatever the outcome; the page does not reload.
  root.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-act]");
    if (form) {
      marked(form);
      takeBack(form);
      drafts.keep(form);
      form.querySelector("[data-again]")?.remove();
    }
    if (event.target.matches("[data-remember]")) signature.keep(event.target.name, event.target.value);
  });
}

async function send(form, submitter, drafts, signature) {
  const answer = answerOf(form);
  const {
    idempotency_key: key,
    ask: _asked,
    ask_fill: _fill,
    to: _to,
    ...fields
  } = Object.fromEntries(new FormData(form, submitter));
  const isKept = drafts.keep(form);
  hold(form, true);
  form.querySelector("[data-again]")?.remove();
  say(answer, textOf("sending"), "busy");
  // The focus goes to the answer.
  if (!document.activeElement || document.activeElement === document.body) focus(answer);
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(key ? { "Idempotency-Key": key } : {}) },
      body: JSON.stringify(bodyOf(fields)),
    });
    if (response.ok) {
      form.reset();
      renew(form);
      drafts.drop(form);
      for (const field of form.querySelectorAll("[data-remember]")) field.value = signature.of(field.name);
      marked(form);
      form.closest("details")?.toggleAttribute("data-answered", true);
      say(answer, form.dataset.done ?? textOf("requestAccepted"), "done");
    } else {
      // A refused action is over, and so is one that arrived with another text: the next press is a new action.
      if (response.status < 500) renew(form);
      drafts.keep(form);
      const { why, type } = await refusal(response);
      if (/:already-requested$/.test(type ?? "")) offerAgain(answer);
      const isKeyUsed = response.status === CONFLICT && /:conflict$/.test(type ?? ":conflict");
      say(answer, isKeyUsed && key && !form.dataset.done ? textOf("keyUsed") : why, "failed");
    }
  } catch {
    // The key stays: whether or not the first attempt arrived, the next one is the same action.
    say(answer, noAnswer(Boolean(key), isKept), "failed");
  } finally {
    hold(form, false);
  }
}

/** While a request is in flight, its form cannot be sent again, and takes no text that the answer would clear. */
function hold(form, isOn) {
  for (const button of form.querySelectorAll("button")) button.disabled = isOn;
  for (const field of form.querySelectorAll("textarea, input:not([type=hidden])")) field.readOnly = isOn;
}

/**
 * The message when no answer came: without a key a second press may be a second action, and text that is not kept may
 * be lost.
 */
export function noAnswer(hasKey, isKept) {
  if (!hasKey) return textOf("noAnswerNoKey");
  return textOf(isKept ? "noAnswer" : "noAnswerNotKept");
}

/** The form's values, as the API takes them. */
export function bodyOf({ choice, ...fields }) {
  const body = Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ""));
  if (body.tags)
    body.tags = body.tags
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
  for (const name of CHOICES_OF_TWO) if (body[name]) body[name] = body[name] === "true";
  for (const name of NUMBERS) if (body[name]) body[name] = Number(body[name]);
  return choice ? { ...body, ...JSON.parse(choice) } : body;
}

/** Fills a choice with the values that Clarity allows now. */
async function offer(select) {
  const answer = select.form.querySelector("[data-answer]");
  try {
    const response = await fetch(select.dataset.choices);
    if (!response.ok) return say(answer, (await refusal(response)).why, "failed");
    const { statuses } = await response.json();
    for (const { status, reason, reason_code } of statuses) {
      const text = [word("status", status), reason].filter(Boolean).join(", ");
      select.append(new Option(text, JSON.stringify({ status, reason_code })));
    }
  } catch {
    say(answer, textOf("choicesFailed"), "failed");
  }
}

/** A second survey of a customer is confirmed separately, after the message that they were already surveyed. */
function offerAgain(answer) {
  const again = document.createElement("button");
  Object.assign(again, { name: "again", value: "true", textContent: word("label", "requestAgain") });
  again.dataset.again = "";
  answer.after(again);
}

/** Why the server refused, and the kind of that problem. */
async function refusal(response) {
  const { type, title, detail } = await response.json().catch(() => ({}));
  return {
    type,
    why: [title, detail].filter(Boolean).join(" ") || textOf("refusedWithStatus", { status: response.status }),
  };
}

/** The form's result, after its button. */
function answerOf(form) {
  const answer = form.querySelector("[data-answer]");
  if (answer) return answer;
  const made = Object.assign(document.createElement("span"), { className: "answer" });
  made.setAttribute("role", "status");
  made.dataset.answer = "";
  form.append(made);
  return made;
}

function focus(node) {
  node.tabIndex = -1;
  node.focus();
}

function marked(form) {
  const typed = [...form.querySelectorAll("textarea")].some((field) => field.value.trim() !== "");
  for (const node of [form, form.closest("details")]) node?.toggleAttribute("data-typed", typed);
}

function renew(form) {
  if (form.elements.idempotency_key) form.elements.idempotency_key.value = freshKey();
}

// Without TLS, browsers have no `randomUUID`.
const freshKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function say(node, text, state) {
  node.textContent = text;
  node.dataset.state = state;
}
