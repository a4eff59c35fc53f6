import { html } from "htm/preact";
import type { VNode } from "preact";
import { formatCount } from "../../units.ts";
import { isPage, keyOf, producersByName } from "../rates.ts";
import { flowsOfProducers, ratesOfConsumers, selected, status } from "../state.ts";

const shown = 50;

function isOfSelected({ topic }: { readonly topic: string }): boolean {
  return selected.value === undefined || topic === selected.value;
}

/** The producers that were active last. */
export function Producers(): VNode {
  const producers = (status.value === undefined ? [] : producersByName(status.value))
    .filter(isOfSelected)
    .toSorted((one, other) => other.last - one.last)
    .slice(0, shown);
  return html`<section aria-label="Producers">
    <h2>Producers</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Producer</th>
            <th>Topic</th>
            <th class="number">Events</th>
            <th class="number">Events/s</th>
            <th class="number">Batch size</th>
          </tr>
        </thead>
        <tbody>
          ${producers.map((producer) => {
            const flow = flowsOfProducers.value.get(keyOf(producer));
            const size =
              flow === undefined || flow.batchSize === 0 ? producer.events / producer.batches : flow.batchSize;
            return html`<tr key=${keyOf(producer)}>
              <td class="name" title=${producer.name}>
                ${producer.name || html`<span class="dim">without a name</span>`}
              </td>
              <td class="name" title=${producer.topic}>${producer.topic}</td>
              <td class="number">${formatCount(producer.events)}</td>
              <td class="number">${formatCount(flow?.stored ?? 0)}</td>
              <td class="number">${size.toFixed(1)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    ${producers.length === 0 && html`<p class="dim">Nobody has produced anything since the service started.</p>`}
  </section>`;
}

/** The consumers, those that are furthest behind first. This page is not among them. */
export function Consumers(): VNode {
  const consumers = (status.value?.consumers ?? [])
    .filter((each) => isOfSelected(each) && !isPage(each.consumer))
    .toSorted((one, other) => other.lag - one.lag)
    .slice(0, shown);
  return html`<section aria-label="Consumers">
    <h2>Consumers</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Consumer</th>
            <th>Topic</th>
            <th class="number">Members</th>
            <th class="number">Acknowledged/s</th>
            <th class="number">Lag</th>
          </tr>
        </thead>
        <tbody>
          ${consumers.map(
            ({ consumer, topic, members, lag }) =>
              html`<tr key=${`${topic} ${consumer}`}>
                <td class="name" title=${consumer}>${consumer}</td>
                <td class="name" title=${topic}>${topic}</td>
                <td class="number">${members}</td>
                <td class="number">${formatCount(ratesOfConsumers.value.get(`${topic} ${consumer}`) ?? 0)}</td>
                <td class=${lag > 0 ? "number behind" : "number"}>${formatCount(lag)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${consumers.length === 0 && html`<p class="dim">Nobody consumes.</p>`}
  </section>`;
}
