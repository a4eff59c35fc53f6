// Not a test that runs: it compiles, or the house's check of the types fails.

import { from } from "rxjs";
import type { Topic } from "sluice";
import { produce } from "sluice/operators";

declare const plain: Topic<{ energy: number }>;
declare const filling: Topic<{ energy: number; detector: string }, { energy: number; detector?: string }>;

from([{ metadata: { energy: 1 } }]).pipe(produce(plain));
from([{ metadata: { energy: 1 } }]).pipe(produce(filling));
produce(filling)([{ metadata: { energy: 1, detector: "ecal" } }]);

// @ts-expect-error The operator knows what may be pushed.
from([{ metadata: { nonsense: 1 } }]).pipe(produce(plain));
// @ts-expect-error Also where the schema fills something in.
from([{ metadata: { detector: "ecal" } }]).pipe(produce(filling));
