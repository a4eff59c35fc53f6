import { html } from "htm/preact";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatBytes } from "../../units.ts";
import { describeData } from "../describeData.ts";
import type { ShownEvent } from "../followEvents.ts";
import { events, filter, isPaused, shownEvents } from "../state.ts";

const shown = 60;

/** The newest events, with their metadata and data. */
export function EventList(): VNode {
  const all = shownEvents.value;
  return html`<section aria-label="Newest events">
    <div class="head">
      <h2>Newest events</h2>
      <input
        id="filter"
        type="search"
        placeholder="Filter /"
        aria-label="Filter events"
        value=${filter.value}
        onInput=${(event: InputEvent) => (filter.value = (event.target as HTMLInputElement).value)}
      />
      <button aria-pressed=${isPaused.value} onClick=${() => (isPaused.value = !isPaused.value)}>
        ${isPaused.value ? "Go on" : "Pause"}
      </button>
      <span class="dim" aria-live="off">${all.length} of ${events.value.length}</span>
    </div>
    <ol class="events">
      ${all.slice(0, shown).map((event) => html`<${EventRow} key=${`${event.topic}/${event.partition}/${event.id}`} event=${event} />`)}
    </ol>
    ${all.length === 0 && html`<p class="dim">${events.value.length === 0 ? "No events yet." : "The filter lets none through."}</p>`}
  </section>`;
}

function EventRow({ event }: { readonly event: ShownEvent }): VNode {
  const { topic, partition, id, timestamp, metadata, size } = event;
  return html`<li>
    <span class="place">${topic} <b>${partition}/${id}</b></span>
    <time datetime=${new Date(timestamp).toISOString()}>${new Date(timestamp).toLocaleTimeString()}</time>
    <code>${JSON.stringify(metadata)}</code>
    ${size > 0 && html`<span class="data"><span class="dim">${formatBytes(size)}</span> <${Data} event=${event} /></span>`}
  </li>`;
}

function Data({ event }: { readonly event: ShownEvent }): VNode {
  if (event.image !== undefined) return html`<${Picture} event=${event} type=${event.image} />`;
  return html`<samp>${describeData(event.data, event.size)}</samp>`;
}

function Picture({ event, type }: { readonly event: ShownEvent; readonly type: string }): VNode | null {
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([event.data as Uint8Array<ArrayBuffer>], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [event]);
  if (url === undefined) return null;
  return html`<img src=${url} alt=${`Data of event ${event.id} of partition ${event.partition} of ${event.topic}`} />`;
}
