// Hides options while what they depend on is off, and says that something is not saved yet. The server checks all the
// same; without this script all options are shown.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form.settings");
  if (!form) return;
  const rows = [...form.querySelectorAll("[data-depends]")].map((row) => [row, JSON.parse(row.dataset.depends)]);
  const unsaved = form.querySelector("[data-unsaved]");
  const value = (name) => {
    const input = form.querySelector(`[name="${name}"]`);
    return input && input.type === "checkbox" ? input.checked : input && input.value;
  };
  const show = () => rows.forEach(([row, needs]) => {
    row.hidden = !Object.entries(needs).every(([name, wanted]) => value(name) === wanted);
  });
  form.addEventListener("input", () => { show(); if (unsaved) unsaved.hidden = false; });
  show();
});
