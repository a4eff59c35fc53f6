import { html } from "htm/preact";
import type { VNode } from "preact";
import { formatBytes, formatCount, plural } from "../../units.ts";
import { isHelpShown, problem, status, token, wantsToken } from "../state.ts";

/** What the service is, and what keeps the page from it. */
export function TopBar(): VNode {
  const now = status.value;
  return html`<header>
    <h1>Sluice</h1>
    ${
      now &&
      html`<span>${now.version}</span
        ><span title="what an answered event survives">durability <b>${now.capabilities.durability}</b></span>
        <span>${plural(now.statistics.connections, "client")}</span>
        <span>up ${uptime(now.process.uptime)}</span>
        <span>${formatBytes(now.process.memory)}</span>
        <span>${formatCount(now.statistics.events)} events received</span>`
    }
    <span class="space"></span>
    ${problem.value !== undefined && html`<span class="problem" role="alert">${problem.value}</span>`}
    <button onClick=${() => (isHelpShown.value = !isHelpShown.value)} aria-expanded=${isHelpShown.value}>Keys ?</button>
  </header>`;
}

/** Asks for the token. It is kept in this page only, and goes with it. */
export function TokenForm(): VNode | null {
  if (!wantsToken.value) return null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const value = new FormData(event.target as HTMLFormElement).get("token");
    if (typeof value === "string" && value.trim() !== "") token.value = value.trim();
  };
  return html`<form class="token" onSubmit=${submit}>
    <label>The service wants a token <input name="token" type="password" autocomplete="off" autofocus /></label>
    <button>Show</button>
    ${token.value !== undefined && html`<span class="problem" role="alert">It does not know this one</span>`}
  </form>`;
}

/** The keys of the page. */
export function Help(): VNode | null {
  if (!isHelpShown.value) return null;
  const keys = [
    ["j, k or ↓, ↑", "the next topic, the one before"],
    ["Esc", "all topics, no filter"],
    ["/", "filter events: words, energy>20, detector=a, partition:2, id:7"],
    ["Space", "let new events wait, and go on"],
    ["?", "show or hide this"],
  ];
  return html`<dl class="help">
    ${keys.map(
      ([key, what]) =>
        html`<div>
          <dt><kbd>${key}</kbd></dt>
          <dd>${what}</dd>
        </div>`,
    )}
  </dl>`;
}

function uptime(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}
