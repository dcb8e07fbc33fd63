// A token after the # of the address never reaches a log: the page takes it from there, and sends it to the server
// once. Until this display is paired the page reloads every few seconds, unless a user is typing.

const form = document.querySelector("form.credentials");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = token;
  form.submit();
} else {
  setInterval(async () => {
    if (form.elements.token.value || document.activeElement === form.elements.token) return;
    // A page that is loaded while the server is away never comes back by itself.
    if (
      await fetch("/healthz", { cache: "no-store" }).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      location.reload();
  }, 4_000);
}
