// Forms that act: sent in the background with a key that makes a second press harmless. Without script the same form is
// posted as it is.

/** Makes every `form[data-act]` act in place. */
export function actions(root = document) {
  for (const form of root.querySelectorAll("form[data-act]")) {
    form.elements.idempotency_key.value ||= crypto.randomUUID?.() ?? String(Math.random()).slice(2);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
}

async function send(form) {
  const answer = form.querySelector("[data-answer]");
  const button = form.querySelector("button");
  const { idempotency_key: key, ...fields } = Object.fromEntries(new FormData(form));
  const body = Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ""));
  if (body.tags) body.tags = body.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (body.session_id) body.session_id = Number(body.session_id);
  button.disabled = true;
  say(answer, "Sending…", "busy");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
    if (response.ok) {
      form.reset();
      form.elements.idempotency_key.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
      say(answer, "Asked for. It appears in the table below.", "done");
    } else {
      const problem = await response.json().catch(() => ({}));
      const why = [problem.title, problem.detail].filter(Boolean).join(" ");
      say(answer, why || `The server refused it with status ${response.status}.`, "failed");
    }
  } catch {
    // The key stays: whether or not the first try arrived, the next is the same deed.
    say(answer, "The server did not answer. Nothing is lost: press again, it will not be sent twice.", "failed");
  } finally {
    button.disabled = false;
  }
}

function say(node, text, state) {
  node.textContent = text;
  node.dataset.state = state;
}
