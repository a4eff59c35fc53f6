import { html } from "htm/preact";
import type { VNode } from "preact";
import type { ServiceTopic } from "../../service/serviceStatus.ts";
import { formatBytes, formatCount } from "../../units.ts";
import { select, selected, status, topicFlows } from "../state.ts";

/** The topics, and of the selected one its partitions. */
export function TopicList(): VNode {
  const topics = status.value?.topics ?? [];
  return html`<section aria-label="Topics">
    <h2>Topics</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Topic</th>
            <th>Backend</th>
            <th class="number">Partitions</th>
            <th class="number">Events</th>
            <th class="number">Stored/s</th>
            <th class="number">Read/s</th>
            <th class="number">Bytes</th>
          </tr>
        </thead>
        <tbody>
          ${topics.map((topic) => html`<${TopicRow} key=${topic.topic} topic=${topic} />`)}
        </tbody>
      </table>
    </div>
    ${topics.length === 0 && html`<p class="dim">There are no topics. <code>sluice topic create name</code> makes one.</p>`}
    <${Partitions} />
  </section>`;
}

function TopicRow({ topic }: { readonly topic: ServiceTopic }): VNode {
  const flow = topicFlows.value.get(topic.topic);
  const isSelected = selected.value === topic.topic;
  const toggle = () => select(isSelected ? undefined : topic.topic);
  return html`<tr aria-selected=${isSelected} onClick=${toggle}>
    <td class="name" title=${topic.topic}>
      <button class="link" aria-pressed=${isSelected}>${topic.topic}</button>
    </td>
    <td>${topic.backend}</td>
    <td class="number">${topic.partitions.length}</td>
    <td class="number">${formatCount(topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0))}</td>
    <td class="number">${formatCount(flow?.stored ?? 0)}</td>
    <td class="number">${formatCount(flow?.read ?? 0)}</td>
    <td class="number">${formatBytes(topic.bytes)}</td>
  </tr>`;
}

/** How full each partition of the selected topic is, beside the fullest. */
function Partitions(): VNode | null {
  const topic = status.value?.topics.find((each) => each.topic === selected.value);
  if (topic === undefined) return null;
  const most = Math.max(1, ...topic.partitions.map(({ start, end }) => end - start));
  return html`<div class="partitions" role="list" aria-label=${`Partitions of ${topic.topic}`}>
    ${topic.partitions.map(
      ({ start, end, sealed }, partition) =>
        html`<div role="listitem">
          <span class="dim">${partition}</span>
          <span class="bar"><i style=${`width:${((end - start) / most) * 100}%`}></i></span>
          <span>${formatCount(start)} to ${formatCount(end)}${sealed ? ", sealed" : ""}</span>
        </div>`,
    )}
  </div>`;
}
