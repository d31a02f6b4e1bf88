// Small helps of the tenant's pages. All of them work without it: options are shown, text can be selected and copied.
const ready = () => {
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const input = document.getElementById(button.dataset.copy);
      input.select();
      try { await navigator.clipboard.writeText(input.value); } catch { document.execCommand("copy"); }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  });
  document.querySelectorAll("form.settings").forEach(follow);
};

// Hides options while what they depend on is off, and says that something is not saved yet. The server checks all the same.
const follow = (form) => {
  const rows = [...form.querySelectorAll("[data-depends]")].map((row) => [row, JSON.parse(row.dataset.depends || "{}")]);
  const value = (name) => {
    const input = form.elements[name];
    return input && input.type === "checkbox" ? input.checked : input && input.value;
  };
  const show = () => rows.forEach(([row, needs]) => {
    row.hidden = !Object.entries(needs).every(([name, wanted]) => [].concat(wanted).includes(value(name)));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.type !== "search") return;
    event.preventDefault(); // searching is not saving
    event.target.closest(".filters").querySelector("button").click();
  });
  form.addEventListener("input", (event) => {
    show();
    if (event.target.type === "search") return;
    document.querySelectorAll("[data-unsaved]").forEach((row) => { row.hidden = false; });
    document.querySelectorAll("[data-saved-only]").forEach((button) => { button.disabled = true; });
  });
  show();
};

document.addEventListener("DOMContentLoaded", ready);
