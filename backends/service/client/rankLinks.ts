import type { RankReach } from "../protocol/ranksCodec.ts";
import type { Attachable, OwnPart } from "./call.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** Connections to the processes of a service, each made when a partition that the process has is first used. */
export class RankLinks {
  /** The one that was made first. It can reach everything. */
  readonly main: ServiceClient;
  readonly #open: (address: string) => ServiceClient;
  readonly #mayShow: (address: string) => boolean;
  readonly #links = new Map<string, Promise<ServiceClient | undefined>>();
  readonly #clients = new Set<ServiceClient>();
  #isClosed = false;

  /**
   * @param open - Makes a client of one address, which is not connected yet.
   * @param mayShow - Whether whoever listens at an address that was told may be shown the token.
   */
  constructor(
    main: ServiceClient,
    open: (address: string) => ServiceClient,
    mayShow: (address: string) => boolean = () => true,
  ) {
    this.main = main;
    this.#open = open;
    this.#mayShow = mayShow;
  }

  /**
   * A client of one process; undefined where it cannot be reached, from behind a gateway say, or where a token would be shown to
   * whoever listens there.
   *
   * @param at - Where the process is that has told the addresses.
   */
  to(rank: number, { asked, addresses }: RankReach, at: string): Promise<ServiceClient | undefined> {
    if (rank === asked && this.main.address === at) {
      this.main.stay(); // From now on it is not enough to reach just any process of the service.
      return Promise.resolve(this.main);
    }
    const address = addressLike(this.main.address, addresses[rank] ?? []);
    if (address === undefined || this.#isClosed || !this.#mayShow(address)) return Promise.resolve(undefined);
    const known = this.#links.get(address);
    if (known !== undefined) return known;
    const link = this.#connect(address);
    this.#links.set(address, link);
    return link;
  }

  close(): void {
    this.#isClosed = true;
    this.main.close();
    for (const client of this.#clients) client.close();
  }

  async #connect(address: string): Promise<ServiceClient | undefined> {
    const client = this.#open(address);
    this.#clients.add(client);
    try {
      await client.connect();
      return client;
    } catch {
      client.close();
      this.#clients.delete(client);
      this.#links.delete(address); // A topic that is opened later tries again.
      return undefined;
    }
  }
}

/** The ways from one topic to the parts of it that the processes of a service have. */
export class TopicLinks {
  readonly #links: RankLinks;
  readonly #name: string;
  readonly #reach: RankReach;
  readonly #id: string | null;
  /** Where the process is that has described the topic. */
  readonly #at: string;
  readonly #parts = new Map<number, Promise<TopicPart | undefined>>();

  constructor(links: RankLinks, name: string, reach: RankReach, id: string | undefined) {
    this.#links = links;
    this.#name = name;
    this.#reach = reach;
    this.#id = id ?? null;
    this.#at = links.main.address;
  }

  /** The part of one process; undefined where it cannot be reached. */
  to(rank: number): Promise<TopicPart | undefined> {
    const known = this.#parts.get(rank);
    if (known !== undefined) return known;
    const part = this.#links
      .to(rank, this.#reach, this.#at)
      .then(
        (client) =>
          client && new TopicPart(client, this.#name, { own: rank, service: this.#reach.service, id: this.#id }),
      );
    this.#parts.set(rank, part);
    return part;
  }
}

/** The part of a topic that one process of a service has. */
export class TopicPart implements Attachable {
  readonly client: ServiceClient;
  readonly name: string;
  readonly handle: number;
  readonly own: OwnPart;
  /** That the topic is still the same is asserted by the process that has all of it. */
  readonly incarnation = 0;
  readonly service = "";
  unanswered = 0;

  constructor(client: ServiceClient, name: string, own: OwnPart) {
    this.client = client;
    this.name = name;
    this.own = own;
    this.handle = client.nextHandle();
  }

  /** It is the whole topic that grows. */
  grow(): void {}
}

/** Of the addresses of another process the one of the same kind. Where it listens everywhere, the host is the one that is known to work. */
function addressLike(known: string, addresses: readonly string[]): string | undefined {
  const scheme = known.slice(0, known.indexOf(":"));
  const address = addresses.find((each) => each.startsWith(`${scheme}:`));
  return address?.replace(/(?<=:\/\/)(0\.0\.0\.0|\[::\])(?=:)/, () => hostOf(known));
}

function hostOf(address: string): string {
  return /:\/\/(\[[^\]]*\]|[^:/]*)/.exec(address)?.[1] ?? "localhost";
}
