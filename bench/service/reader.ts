import { connect } from "sluice";

// A consumer that asks for all data from the first event on, and says when it has begun to get it.
const driver = await connect(process.argv[2]!);
const topic = await driver.openTopic("active");
topic.consumer("greedy", { dataSelector: (_, descriptor) => descriptor }).subscribe();
process.send!("begun");
process.on("disconnect", () => process.exit(0));
