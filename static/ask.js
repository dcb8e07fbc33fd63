// An action that reaches a customer or a live call asks first, where the button is: what will happen, and to which
// person.

import { word } from "./labels.js";

let asked = 0;

/** The confirmation question of a button; empty: none. */
export function question(form, submitter) {
  const said = submitter?.dataset.ask ?? form.elements.ask?.value ?? "";
  if (!form.elements.ask_fill && !submitter?.hasAttribute("data-fill")) return said;
  return said.replace(/\{(\w+)\}/g, (whole, name) => chosen(form.elements[name]) ?? whole);
}

const chosen = (field) => field && (field.selectedOptions?.[0]?.textContent ?? field.value).trim();

/**
 * Asks for confirmation, then runs `yes`. Escape, the other button, or a change of the form's values cancels.
 */
export function ask(form, submitter, text, yes) {
  takeBack(form);
  const said = Object.assign(document.createElement("p"), { id: `asked-${(asked += 1)}`, textContent: text });
  const sure = Object.assign(document.createElement("button"), {
    type: "button",
    textContent: submitter?.textContent.trim() || word("label", "confirmYes"),
  });
  const not = Object.assign(document.createElement("button"), {
    type: "button",
    textContent: word("label", "cancel"),
    className: "cancel",
  });
  const box = Object.assign(document.createElement("div"), { className: "confirm" });
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", said.id);
  box.append(said, sure, not);
  form.toggleAttribute("data-asking", true);
  const place = submitter?.closest(".pair") ?? submitter;
  if (place && form.contains(place)) place.after(box);
  else form.append(box);
  // A second press of a double click, or a key that is held down, confirms nothing.
  sure.addEventListener("click", (event) => {
    if (event.detail > 1) return;
    takeBack(form);
    yes();
  });
  sure.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
  const back = () => {
    takeBack(form);
    submitter?.focus();
  };
  not.addEventListener("click", back);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    back();
  });
  sure.focus();
}

/** Removes the question. */
export function takeBack(form) {
  form.removeAttribute("data-asking");
  form.querySelector(".confirm")?.remove();
}
