// Hides options while what they depend on is off. The server checks all the same; without this script all are shown.
document.addEventListener("DOMContentLoaded", () => {
  const rows = [...document.querySelectorAll("[data-depends]")].map((row) => [row, JSON.parse(row.dataset.depends)]);
  const value = (name) => {
    const input = document.querySelector(`.ls-settings [name="${name}"]`);
    return input && input.type === "checkbox" ? input.checked : input && input.value;
  };
  const show = () => rows.forEach(([row, needs]) => {
    row.hidden = !Object.entries(needs).every(([name, wanted]) => value(name) === wanted);
  });
  document.querySelector(".ls-settings").addEventListener("change", show);
  show();
});
