import { html } from "htm/preact";
import { render, type VNode } from "preact";
import { filter, isHelpShown, isPaused, select, selectBeside } from "./state.ts";
import { Charts } from "./views/charts.ts";
import { EventList } from "./views/eventList.ts";
import { Consumers, Producers } from "./views/peers.ts";
import { Help, TokenForm, TopBar } from "./views/topBar.ts";
import { TopicList } from "./views/topicList.ts";
import { watchEvents, watchStatus } from "./watch.ts";

function Page(): VNode {
  return html`<${TopBar} /><${Help} /><${TokenForm} />
    <main>
      <${Charts} />
      <${TopicList} />
      <${Producers} />
      <${Consumers} />
      <${EventList} />
    </main>`;
}

const keys: Readonly<Record<string, () => void>> = {
  j: () => selectBeside(1),
  ArrowDown: () => selectBeside(1),
  k: () => selectBeside(-1),
  ArrowUp: () => selectBeside(-1),
  "/": () => document.querySelector<HTMLInputElement>("#filter")?.focus(),
  " ": () => (isPaused.value = !isPaused.value),
  "?": () => (isHelpShown.value = !isHelpShown.value),
  Escape: () => {
    filter.value = "";
    select(undefined);
  },
};

document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target instanceof HTMLInputElement && event.key !== "Escape") return;
  // A button has its own use for the space bar.
  if (target instanceof HTMLButtonElement && event.key === " ") return;
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  if (target instanceof HTMLInputElement) target.blur();
  act();
});

render(html`<${Page} />`, document.querySelector("#page")!);
watchStatus();
watchEvents();
