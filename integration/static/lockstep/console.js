// "/" jumps to the find box, unless the page has a search of its own or somebody is typing.
document.addEventListener("keydown", (event) => {
  const typing = /^(input|textarea|select)$/i.test(event.target.tagName) || event.target.isContentEditable;
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || document.getElementById("searchbar")) return;
  const box = document.getElementById("find-box") || document.getElementById("find-side");
  if (box) { event.preventDefault(); box.focus(); }
});
