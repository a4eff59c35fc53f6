import type { ComponentSpec } from "../../../src/model/component.ts";
import { cloudEventsLayout } from "./cloudevents.ts";
import { hopLayout } from "./hop.ts";
import type { Layout, LayoutName } from "./layout.ts";
import { octopusLayout } from "./octopus.ts";
import { sluiceLayout } from "./sluice.ts";

/** What layouts want to know of a topic and its connection. */
export interface LayoutOptions {
  /** The name of the topic in the cluster. */
  readonly name: string;
  readonly serializer: ComponentSpec;
  readonly sender: string | undefined;
  readonly tests: "skip" | "deliver" | undefined;
}

/** The layout of a name, for one topic. */
export function layoutOf(layout: LayoutName, { name, serializer, sender, tests }: LayoutOptions): Layout {
  switch (layout) {
    case "sluice":
      return sluiceLayout;
    case "octopus":
      return octopusLayout(serializer.type === "json" ? "text" : "raw");
    case "hop":
      return hopLayout({ sender, tests });
    case "cloudevents":
      return cloudEventsLayout({ source: `/topics/${name}` });
  }
}
