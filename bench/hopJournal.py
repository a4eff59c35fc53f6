# Measures the journal of hop-client's RobustProducer. Prints one line of JSON: messages a second.
import json
import os
import sys
import tempfile
import time

from hop.robust_publisher import PublicationJournal

count = int(sys.argv[1])
message = b"x" * 128
figures = {}
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "publisher.journal")
    journal = PublicationJournal(path)
    start = time.perf_counter()
    for _ in range(count):
        journal.queue_message(message, "topic", headers=[(b"_id", b"0" * 16)])
    figures["queue"] = count / (time.perf_counter() - start)
    journal.journal.close()

    start = time.perf_counter()
    journal = PublicationJournal(path)
    figures["reload"] = count / (time.perf_counter() - start)

    marked = min(count, 20000)
    numbers = [journal.get_next_message_to_send()[0] for _ in range(marked)]
    few = min(marked, 500)
    start = time.perf_counter()
    for number in numbers[:few]:
        journal.mark_message_sent(number)
    figures["mark"] = few / (time.perf_counter() - start)
    journal.journal.close()

    path = os.path.join(directory, "space.journal")
    journal = PublicationJournal(path)
    for _ in range(2001):
        journal.queue_message(b"x" * 1000, "topic")
    for _ in range(2000):
        journal.mark_message_sent(journal.get_next_message_to_send()[0])
    figures["space"] = os.path.getsize(path)
print(json.dumps(figures))
