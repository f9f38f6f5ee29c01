// Tabs after the pattern of the ARIA Authoring Practices: arrows, Home and End move and choose, Tab goes into the
// panel.

// tabs leads the buttons of a list; chosen is called with the name of the tab that somebody chose.
export function tabs(list, chosen) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const nameOf = (tab) => tab.id.replace("tab-", "");

  function select(name) {
    for (const tab of all) {
      const is = nameOf(tab) === name;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      document.getElementById("view-" + nameOf(tab)).hidden = !is;
      if (is) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) chosen(nameOf(tab));
  });
  list.addEventListener("keydown", (event) => {
    const from = all.indexOf(document.activeElement), last = all.length - 1;
    const to = { ArrowRight: from === last ? 0 : from + 1, ArrowLeft: from === 0 ? last : from - 1, Home: 0, End: last }[event.key];
    if (from < 0 || to === undefined) return;
    event.preventDefault();
    all[to].focus();
    chosen(nameOf(all[to]));
  });
  return { select, names: all.map(nameOf) };
}
